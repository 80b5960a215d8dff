insert into quire.peer (org_id, document_id, peer_id, account_id, lease_id, session_id, device)
values ($1::uuid, $2::uuid, $3::bigint, $4::uuid, $5::uuid, $6::uuid, $7::text)
on conflict do nothing
returning peer_id, next_counter
