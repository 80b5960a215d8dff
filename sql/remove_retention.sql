delete from quire.retention
where org_id = $1::uuid
