select
    u.audit_id,
    json_build_object(
        'audit_id', u.audit_id,
        'created_at', quire.instant(u.created_at),
        'action', u.action,
        'actor', case when actor.account_id is not null then
            json_build_object('account_id', actor.account_id, 'name', actor.name, 'color', actor.color) end,
        'account', case when a.account_id is not null then
            json_build_object('account_id', a.account_id, 'name', a.name, 'color', a.color) end,
        'document_id', u.document_id,
        'folder_id', u.folder_id,
        'address', host(u.address),
        'database_role', u.database_role,
        'detail', u.detail
    )::text as body
from quire.audit u
left join quire.account actor on actor.account_id = u.actor_id
left join quire.account a on a.account_id = u.account_id
where (
    u.org_id = $1
    -- Signing in and out belongs to no organisation: its members' entries are shown.
    or (
        u.org_id is null
        and exists (
            select 1
            from quire.member m
            where m.org_id = $1
            and m.account_id = u.account_id
        )
    )
)
and u.audit_id < $2
order by u.audit_id desc
limit $3
