delete from quire.version
where org_id = $1
and document_id = $2
and version_id = $3
