delete from quire.access_request
where org_id = $1
and document_id = $2
and account_id = $3
