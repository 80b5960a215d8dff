select exists (
    select
    from quire.edit
    where org_id = $1::uuid
    and document_id = $2::uuid
    and edit_id = $3::bigint
    and peer_id = $4::bigint
    and counter_start = $5::integer
    and counter_end = $6::integer
) as has_edit
