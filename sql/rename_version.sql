update quire.version
set name = $4
where org_id = $1
and document_id = $2
and version_id = $3
