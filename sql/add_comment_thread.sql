with thread as (
    insert into quire.comment_thread (
        org_id, document_id, thread_id, created_by, anchor_start, anchor_end, quote
    )
    values ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::bytea, $6::bytea, $7::text)
)
insert into quire.comment (org_id, document_id, thread_id, comment_id, account_id, body)
values ($1::uuid, $2::uuid, $3::uuid, $3::uuid, $4::uuid, $8::text)
