select
    case when system_identifier = $3::bigint then pg_snapshot_xmin(seen)::text else '0' end as seen_xmin,
    snapshot
from quire.snapshot
where org_id = $1::uuid
and document_id = $2::uuid
