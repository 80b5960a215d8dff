delete from quire.invitation
where org_id = $1
and role = 'owner'
and account_id is null
and used_at is null
