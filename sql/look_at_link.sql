select
    i.account_id,
    i.role,
    o.name as organisation_name,
    a.name as account_name
from quire.invitation i
join quire.organisation o on o.org_id = i.org_id
left join quire.account a on a.account_id = i.account_id
where i.token_hash = $1
and i.used_at is null
and i.expires_at > now()
and (
    i.created_by is null
    or exists (
        select 1
        from quire.member m
        where m.org_id = i.org_id
        and m.account_id = i.created_by
        and m.role <> 'guest'
        -- Not more than its author may give by now.
        and (i.role <> 'admin' or m.role in ('owner', 'admin'))
    )
)
