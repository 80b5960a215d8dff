select
    edit_id,
    account_id,
    session_id,
    peer_id,
    counter_start,
    counter_end,
    (extract(epoch from created_at) * 1000000)::bigint as created_us,
    update
from quire.edit
where org_id = $1::uuid
and document_id = $2::uuid
and xid >= $3::text::xid8
order by xid, edit_id
limit $4
