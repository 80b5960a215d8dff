update quire.invitation i
set used_at = now()
from quire.organisation o
where o.org_id = i.org_id
and i.token_hash = $1
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
returning
    i.org_id,
    i.document_id,
    i.account_id,
    i.role,
    o.name as organisation_name
