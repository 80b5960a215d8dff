select
    document_id,
    peer_id,
    next_counter
from quire.peer
where org_id = $1::uuid
order by document_id, peer_id
