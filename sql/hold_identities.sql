select identity_id
from quire.identity
where account_id = $1
for update
