select account_id, email, password_hash
from quire.login
where email = $1
