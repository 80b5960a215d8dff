update quire.document
set deleted_at = now()
where org_id = $1
and document_id = $2
and deleted_at is null
