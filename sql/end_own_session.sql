update quire.session
set ended_at = now()
where account_id = $1
and session_id = $2
and kind = $3
and ended_at is null
