update quire.account
set name = $2
where account_id = $1
