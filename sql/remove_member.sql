delete from quire.member
where org_id = $1
and account_id = $2
