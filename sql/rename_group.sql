update quire.org_group
set name = $3
where org_id = $1
and group_id = $2
