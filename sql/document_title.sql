select title
from quire.document
where org_id = $1::uuid
and document_id = $2::uuid
