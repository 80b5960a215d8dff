select json_build_object(
    'grant_id', g.grant_id,
    'role', g.role,
    'account', case when a.account_id is not null then
        json_build_object('account_id', a.account_id, 'name', a.name, 'color', a.color) end,
    'group', case when o.group_id is not null then
        json_build_object('group_id', o.group_id, 'name', o.name) end,
    'everyone', g.everyone,
    'inherited_from', null
)::text as body
from quire.access_grant g
left join quire.account a on a.account_id = g.account_id
left join quire.org_group o on o.org_id = g.org_id and o.group_id = g.group_id
where g.org_id = $1
and g.document_id is not distinct from $2
and g.folder_id is not distinct from $3
and g.account_id is not distinct from $4
and g.group_id is not distinct from $5
and g.everyone = $6
