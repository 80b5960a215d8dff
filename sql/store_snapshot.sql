insert into quire.snapshot (org_id, document_id, seen, system_identifier, bytes, snapshot)
values ($1::uuid, $2::uuid, $3::text::pg_snapshot, $4::bigint, octet_length($5::bytea), $5::bytea)
on conflict (org_id, document_id) do update
set seen = excluded.seen,
    system_identifier = excluded.system_identifier,
    bytes = excluded.bytes,
    snapshot = excluded.snapshot,
    created_at = now()
-- Another server may have folded more than this one did.
where snapshot.system_identifier <> excluded.system_identifier
or pg_snapshot_xmin(snapshot.seen) < pg_snapshot_xmin(excluded.seen)
