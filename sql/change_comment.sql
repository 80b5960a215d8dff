update quire.comment
set body = $5::text,
    edited_at = clock_timestamp()
where org_id = $1::uuid
and document_id = $2::uuid
and thread_id = $3::uuid
and comment_id = $4::uuid
