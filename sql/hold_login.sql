-- A change of the password waits for whoever holds it, and is seen by whoever waited for it.
select 1
from quire.login
where account_id = $1
and password_hash = $2
for update
