select account_id
from quire.member
where org_id = $1
and role = 'owner'
order by created_at, account_id
limit 1
