select session_id
from quire.session
where session_id = any($1::uuid[])
and ended_at is null
and expires_at > now()
