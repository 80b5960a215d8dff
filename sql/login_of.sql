select account_id, email, password_hash
from quire.login
where account_id = $1
