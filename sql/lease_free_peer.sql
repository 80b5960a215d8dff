update quire.peer
set lease_id = $5::uuid,
    session_id = $6::uuid
where org_id = $1::uuid
and document_id = $2::uuid
and peer_id = (
    select f.peer_id
    from quire.peer f
    where f.org_id = $1::uuid
    and f.document_id = $2::uuid
    and f.account_id = $3::uuid
    and f.device = $4::text
    and f.lease_id is null
    order by f.created_at
    limit 1
    for update skip locked
)
returning peer_id, next_counter
