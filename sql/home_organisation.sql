insert into quire.setting (name, value)
values ('home_organisation', gen_random_uuid()::text)
on conflict (name) do update set value = setting.value
returning value::uuid as org_id
