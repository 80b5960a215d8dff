delete from quire.idempotency_key
where account_id = $1::uuid
and idempotency_key = $2::text
and update = $3::bytea
