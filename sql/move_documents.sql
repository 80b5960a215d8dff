select document_id
from quire.document
where org_id = $1::uuid
and document_id > $2::uuid
order by document_id
limit $3
