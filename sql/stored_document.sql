with fold as (
    select
        s.snapshot,
        case
            when s.system_identifier = (select system_identifier from pg_control_system())
            then pg_snapshot_xmin(s.seen)
        end as seen_below
    from quire.snapshot s
    where s.org_id = $1
    and s.document_id = $2
)
select
    0 as part,
    null::xid8 as xid,
    0::bigint as edit_id,
    snapshot as bytes
from fold
union all
select
    1,
    e.xid,
    e.edit_id,
    e.update
from quire.edit e
where e.org_id = $1
and e.document_id = $2
and e.xid >= coalesce((select seen_below from fold), '0'::xid8)
order by part, xid, edit_id
