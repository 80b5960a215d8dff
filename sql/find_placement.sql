select
    state,
    addresses
from quire.placement
where org_id = $1::uuid
and state in ('moved', 'arriving')
