select 1
from quire.session s
where s.session_id = $1
and s.ended_at is null
and s.expires_at > now()
for share
