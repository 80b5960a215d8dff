delete from quire.access_grant
where org_id = $1
and document_id is not distinct from $2
and folder_id is not distinct from $3
and grant_id = $4
