insert into quire.fold_refusal (org_id, document_id, reason)
values ($1::uuid, $2::uuid, $3::text)
on conflict on constraint fold_refusal_pkey do update
set reason = excluded.reason,
    found_at = excluded.found_at
