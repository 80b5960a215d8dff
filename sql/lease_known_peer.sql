update quire.peer
set lease_id = $5::uuid,
    session_id = $6::uuid,
    device = $7::text
where org_id = $1::uuid
and document_id = $2::uuid
and peer_id = $3::bigint
and account_id = $4::uuid
returning peer_id, next_counter
