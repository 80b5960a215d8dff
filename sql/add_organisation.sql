insert into quire.organisation (org_id, name)
values ($1, $2)
on conflict (org_id) do nothing
