select
    k.request_digest,
    k.org_id,
    k.document_id,
    k.peer_id,
    k.counter_start,
    k.update,
    k.version,
    e.edit_id is not null as is_committed
from quire.idempotency_key k
left join quire.edit e
    on e.org_id = k.org_id
    and e.document_id = k.document_id
    and e.xid > k.xid
    and e.peer_id = k.peer_id
    and e.counter_start = k.counter_start
    and e.update = k.update
where k.account_id = $1::uuid
and k.idempotency_key = $2::text
