select account_id from quire.member where org_id = $1::uuid
union
select account_id from quire.peer where org_id = $1::uuid
union
select unnest(array[created_by, owner_id]) from quire.document where org_id = $1::uuid
union
select created_by from quire.folder where org_id = $1::uuid
union
select unnest(array[account_id, created_by]) from quire.access_grant where org_id = $1::uuid
union
select created_by from quire.share_link where org_id = $1::uuid
union
select account_id from quire.share_link_visit where org_id = $1::uuid
union
select account_id from quire.access_request where org_id = $1::uuid
union
select unnest(array[account_id, created_by, used_by]) from quire.invitation where org_id = $1::uuid
union
select unnest(array[created_by, resolved_by]) from quire.comment_thread where org_id = $1::uuid
union
select account_id from quire.comment where org_id = $1::uuid
union
select created_by from quire.version where org_id = $1::uuid
union
select published_by from quire.publication where org_id = $1::uuid
union
select unnest(array[account_id, actor_id]) from quire.audit where org_id = $1::uuid
union
select account_id from quire.given_up_peer where org_id = $1::uuid
union
select account_id from quire.idempotency_key where org_id = $1::uuid
