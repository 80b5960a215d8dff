update quire.session
set ended_at = now()
where session_id = $1
and ended_at is null
