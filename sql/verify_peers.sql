select
    peer_id,
    next_counter
from quire.peer
where org_id = $1::uuid
and document_id = $2::uuid
order by peer_id
