select
    identity_id,
    issuer,
    name,
    email,
    quire.instant(created_at) as created_at,
    quire.instant(last_used_at) as last_used_at
from quire.identity
where account_id = $1
order by created_at, identity_id
