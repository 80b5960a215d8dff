insert into quire.idempotency_key (
    account_id, idempotency_key, request_digest, org_id, document_id, peer_id, counter_start, update, version
)
values ($1::uuid, $2::text, $3::bytea, $4::uuid, $5::uuid, $6::bigint, $7::integer, $8::bytea, $9::text)
on conflict do nothing
