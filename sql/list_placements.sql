select
    org_id,
    state,
    addresses
from quire.placement
where state in ('moved', 'arriving')
