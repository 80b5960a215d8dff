insert into quire.identity (account_id, issuer, subject, name, email)
values ($1, $2, $3, $4, $5)
on conflict (issuer, subject) do update
set name = excluded.name, email = excluded.email
where identity.account_id = excluded.account_id
