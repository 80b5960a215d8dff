delete from quire.identity
where account_id = $1
and identity_id = $2
