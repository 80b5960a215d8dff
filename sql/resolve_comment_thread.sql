update quire.comment_thread
set resolved_at = case when $5::boolean then clock_timestamp() end,
    resolved_by = case when $5::boolean then $4::uuid end
where org_id = $1::uuid
and document_id = $2::uuid
and thread_id = $3::uuid
and (resolved_at is not null) <> $5::boolean
