select
    e.edit_id,
    e.peer_id,
    e.counter_start,
    e.counter_end,
    e.update,
    -- What a server reads on top of the snapshot.
    coalesce(s.xmin is null or e.xid >= s.xmin, true) as is_later,
    coalesce(t.is_ours and pg_visible_in_snapshot(e.xid, t.seen), false) as is_in_text
from quire.edit e
left join (
    select case when system_identifier = (select c.system_identifier from pg_control_system() c) then pg_snapshot_xmin(seen) end as xmin
    from quire.snapshot
    where org_id = $1::uuid
    and document_id = $2::uuid
) s on true
left join (
    select seen, system_identifier = (select c.system_identifier from pg_control_system() c) as is_ours
    from quire.document_text
    where org_id = $1::uuid
    and document_id = $2::uuid
) t on true
where e.org_id = $1::uuid
and e.document_id = $2::uuid
order by e.xid, e.edit_id
