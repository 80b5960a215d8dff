update quire.publication
set told = $3::text::pg_snapshot,
    system_identifier = $4::bigint
where org_id = $1::uuid
and document_id = $2::uuid
