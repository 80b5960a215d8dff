select 1
from quire.org_group_member
where org_id = $1
and group_id = $2
and account_id = $3
