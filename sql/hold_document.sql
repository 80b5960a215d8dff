-- A deletion of the document waits for whoever holds it, and is seen by whoever waited for it.
select 1
from quire.document
where org_id = $1::uuid
and document_id = $2::uuid
and deleted_at is null
for share
