select
    s.edits,
    s.sum_of_ids,
    s.xmin,
    e.edit_id,
    e.account_id,
    e.session_id,
    e.peer_id,
    e.counter_start,
    e.counter_end,
    e.created_at,
    e.update
from (
    select
        pg_catalog.count(*) as edits,
        coalesce(pg_catalog.sum(edit_id), 0)::pg_catalog.int8 as sum_of_ids,
        pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::pg_catalog.text::pg_catalog.int8 as xmin
    from quire.edit
    where org_id operator(pg_catalog.=) $1
    and document_id operator(pg_catalog.=) $2
) s
left join (
    select edit_id, account_id, session_id, peer_id, counter_start, counter_end, created_at, update
    from quire.edit
    where org_id operator(pg_catalog.=) $1
    and document_id operator(pg_catalog.=) $2
    and xid operator(pg_catalog.>=) $3::pg_catalog.text::pg_catalog.xid8
    union all
    -- What older edits did; the edit -1.
    select
        (-1)::pg_catalog.int8, '00000000-0000-0000-0000-000000000000'::pg_catalog.uuid, null::pg_catalog.uuid,
        0::pg_catalog.int8, 0, 0, through_at, update
    from quire.fold
    where org_id operator(pg_catalog.=) $1
    and document_id operator(pg_catalog.=) $2
    and xid operator(pg_catalog.>=) $3::pg_catalog.text::pg_catalog.xid8
) e on true
