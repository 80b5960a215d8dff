update quire.peer
set lease_id = null
where org_id = $1::uuid
and document_id = $2::uuid
and peer_id = $3::bigint
and lease_id = $4::uuid
