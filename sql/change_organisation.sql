update quire.organisation
set name = coalesce($2::text, name),
    default_role = coalesce($3::text, default_role)
where org_id = $1
