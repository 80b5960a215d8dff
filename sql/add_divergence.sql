insert into quire.divergence (org_id, document_id, position, servers, is_rebuilt)
values ($1::uuid, $2::uuid, '0/0'::pg_lsn + $3::bigint::numeric, $4::text[], $5::boolean)
