update quire.member
set role = $3
where org_id = $1
and account_id = $2
and role <> $3
