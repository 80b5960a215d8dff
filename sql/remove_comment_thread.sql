delete from quire.comment_thread
where org_id = $1::uuid
and document_id = $2::uuid
and thread_id = $3::uuid
