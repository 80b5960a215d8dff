update quire.invitation
set used_by = $2
where token_hash = $1
