update quire.session
set ended_at = now()
where account_id = $1
and kind = 'browser'
and session_id is distinct from $2
and ended_at is null
