insert into quire.org_group (org_id, name)
values ($1, $2)
on conflict on constraint group_name_unique do nothing
returning group_id
