update quire.share_link
set revoked_at = now()
where org_id = $1
and document_id is not distinct from $2
and folder_id is not distinct from $3
and link_id = $4
and revoked_at is null
