insert into quire.account (account_id, name, color)
values ($1, $2, $3)
