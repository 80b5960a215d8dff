select
    edit_id,
    account_id,
    session_id,
    peer_id,
    counter_start,
    counter_end,
    (extract(epoch from created_at) * 1000000)::bigint as created_us,
    update
from (
    -- What older edits did, when the reader has not seen how it was folded; the edit -1.
    select
        '0'::xid8 as xid,
        (-1)::bigint as edit_id,
        '00000000-0000-0000-0000-000000000000'::uuid as account_id,
        null::uuid as session_id,
        0::bigint as peer_id,
        0 as counter_start,
        0 as counter_end,
        through_at as created_at,
        update
    from quire.fold
    where org_id = $1::uuid
    and document_id = $2::uuid
    and xid >= $3::text::xid8
    union all
    select xid, edit_id, account_id, session_id, peer_id, counter_start, counter_end, created_at, update
    from quire.edit
    where org_id = $1::uuid
    and document_id = $2::uuid
    and xid >= $3::text::xid8
) e
order by xid, edit_id
limit $4
