update quire.document
set title = $3
where org_id = $1
and document_id = $2
and deleted_at is null
