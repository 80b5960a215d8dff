insert into quire.access_grant as g (
    org_id, document_id, folder_id, account_id, group_id, everyone, role, created_by
)
select $1, $2, $3, m.account_id, o.group_id, $6, $7, $8
from (select 1) as one
left join quire.member m on m.org_id = $1 and m.account_id = $4
left join quire.org_group o on o.org_id = $1 and o.group_id = $5
where (m.account_id is not null)::integer + (o.group_id is not null)::integer + $6::boolean::integer = 1
on conflict on constraint grant_once do update
set role = excluded.role
where g.role <> excluded.role
