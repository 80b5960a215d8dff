select
    f.xid::text as xid,
    f.update
from quire.fold f
where f.org_id = $1::uuid
and f.document_id = $2::uuid
