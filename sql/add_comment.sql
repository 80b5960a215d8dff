insert into quire.comment (org_id, document_id, thread_id, comment_id, account_id, body)
select $1::uuid, $2::uuid, $3::uuid, gen_random_uuid(), $4::uuid, $5::text
where (
    select count(*)
    from quire.comment
    where org_id = $1::uuid
    and document_id = $2::uuid
    and thread_id = $3::uuid
) < $6::bigint
