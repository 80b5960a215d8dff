insert into quire.login (account_id, email, password_hash)
values ($1, $2, $3)
on conflict (account_id) do update
set email = excluded.email,
    password_hash = excluded.password_hash,
    changed_at = now()
