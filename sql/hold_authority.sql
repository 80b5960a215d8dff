select 1
from quire.session s
join quire.member m on m.account_id = s.account_id
where s.session_id = $1
and m.org_id = $2
and s.ended_at is null
and s.expires_at > now()
for share of s, m
