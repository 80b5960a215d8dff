select edit_id, update, peer_id, account_id
from (
    -- What older edits did, when the reader may lack one of them; the edit -1.
    select
        '0'::xid8 as xid,
        (-1)::bigint as edit_id,
        update,
        0::bigint as peer_id,
        '00000000-0000-0000-0000-000000000000'::uuid as account_id
    from quire.fold
    where org_id = $1::uuid
    and document_id = $2::uuid
    and through >= $3::text::xid8
    union all
    select xid, edit_id, update, peer_id, account_id
    from quire.edit
    where org_id = $1::uuid
    and document_id = $2::uuid
    and xid >= $3::text::xid8
) e
order by xid, edit_id
