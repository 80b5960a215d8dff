select
    exists (select from quire.document where org_id = $1::uuid and document_id = $2::uuid) as is_there,
    exists (select from quire.peer where org_id = $1::uuid and document_id = $2::uuid) as has_peers,
    s.seen is not null as has_snapshot,
    s.snapshot,
    s.is_ours as snapshot_is_ours,
    coalesce(s.is_ours and pg_snapshot_xmax(s.seen) > pg_snapshot_xmax(pg_current_snapshot()), false) as snapshot_is_ahead,
    t.text,
    t.version as text_version,
    coalesce(t.is_ours and pg_snapshot_xmax(t.seen) > pg_snapshot_xmax(pg_current_snapshot()), false) as text_is_ahead
from (values (1)) one
left join (
    select seen, snapshot, system_identifier = (select c.system_identifier from pg_control_system() c) as is_ours
    from quire.snapshot
    where org_id = $1::uuid
    and document_id = $2::uuid
) s on true
left join (
    select seen, text, version, system_identifier = (select c.system_identifier from pg_control_system() c) as is_ours
    from quire.document_text
    where org_id = $1::uuid
    and document_id = $2::uuid
) t on true
