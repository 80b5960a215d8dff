update quire.peer
set lease_id = null
where org_id = $1::uuid
and lease_id is not null
