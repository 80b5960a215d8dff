select
    f.update,
    f.peers,
    f.counters,
    f.edits,
    -- What a server reads on top of the snapshot.
    coalesce(s.xmin is null or f.through >= s.xmin, true) as is_later,
    coalesce(t.xmin is not null and f.through < t.xmin, false) as is_in_text
from quire.fold f
left join (
    select case when system_identifier = (select c.system_identifier from pg_control_system() c) then pg_snapshot_xmin(seen) end as xmin
    from quire.snapshot
    where org_id = $1::uuid
    and document_id = $2::uuid
) s on true
left join (
    select case when system_identifier = (select c.system_identifier from pg_control_system() c) then pg_snapshot_xmin(seen) end as xmin
    from quire.document_text
    where org_id = $1::uuid
    and document_id = $2::uuid
) t on true
where f.org_id = $1::uuid
and f.document_id = $2::uuid
