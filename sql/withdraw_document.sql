update quire.publication
set ended_at = clock_timestamp()
where org_id = $1::uuid
and document_id = $2::uuid
and ended_at is null
