select count(*) as owners
from quire.member
where org_id = $1
and role = 'owner'
