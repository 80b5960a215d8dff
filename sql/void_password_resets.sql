update quire.password_reset
set used_at = now()
where account_id = $1
and used_at is null
