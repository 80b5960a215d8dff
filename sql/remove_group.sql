delete from quire.org_group
where org_id = $1
and group_id = $2
