select
    f.org_id::text as org_id,
    f.document_id::text as document_id,
    f.reason,
    to_char(f.found_at at time zone 'utc', 'YYYY-MM-DD HH24:MI') as found_at
from quire.fold_refusal f
order by f.found_at desc
limit 20
