select account_id
from quire.password_reset
where token_hash = $1
and used_at is null
and expires_at > now()
