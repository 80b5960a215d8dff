delete from quire.comment
where org_id = $1::uuid
and document_id = $2::uuid
and thread_id = $3::uuid
and comment_id = $4::uuid
