insert into quire.member (org_id, account_id, role)
values ($1, $2, $3)
on conflict (org_id, account_id) do nothing
