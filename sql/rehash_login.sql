update quire.login
set password_hash = $3
where account_id = $1
and password_hash = $2
