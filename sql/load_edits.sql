select edit_id, update, peer_id, account_id
from quire.edit
where org_id = $1::uuid
and document_id = $2::uuid
and xid >= $3::text::xid8
order by xid, edit_id
