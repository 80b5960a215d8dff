update quire.password_reset
set used_at = now()
where token_hash = $1
and used_at is null
and expires_at > now()
returning account_id
