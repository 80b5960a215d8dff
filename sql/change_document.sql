update quire.document
set title = coalesce($3::text, title),
    folder_id = case when $4::boolean then $5::uuid else folder_id end,
    owner_id = coalesce($6::uuid, owner_id)
where org_id = $1
and document_id = $2
and deleted_at is null
