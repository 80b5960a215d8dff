with newest as (
    select e.xid, e.edit_id
    from quire.edit e
    where e.org_id = $1::uuid
    and e.document_id = $2::uuid
    order by e.xid desc, e.edit_id desc
    limit 1
)
select
    e.xid::text as xid,
    e.edit_id,
    e.peer_id,
    e.counter_end,
    (extract(epoch from e.created_at) * 1000000)::bigint as created_us,
    e.update,
    -- Every snapshot that somebody may read with sees it, and it is not the newest: the feed looks for that one.
    e.created_at < clock_timestamp() - r.kept
    and e.xid < pg_snapshot_xmin(pg_current_snapshot())
    and (e.xid, e.edit_id) < (n.xid, n.edit_id) as is_old
from quire.edit e
join quire.retention r on r.org_id = e.org_id
cross join newest n
where e.org_id = $1::uuid
and e.document_id = $2::uuid
order by e.xid, e.edit_id
limit $3::bigint
