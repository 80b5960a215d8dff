insert into quire.org_group_member (org_id, group_id, account_id)
select g.org_id, g.group_id, m.account_id
from quire.org_group g
join quire.member m on m.org_id = g.org_id
where g.org_id = $1
and g.group_id = $2
and m.account_id = $3
on conflict do nothing
