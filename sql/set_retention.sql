insert into quire.retention (org_id, kept)
values ($1::uuid, $2::integer * interval '1 day')
on conflict on constraint retention_pkey do update
set kept = excluded.kept
where retention.kept <> excluded.kept
