select 1
from quire.session
where session_id = $1
and ended_at is null
and expires_at > now()
for update
