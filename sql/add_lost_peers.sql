insert into quire.peer (org_id, document_id, peer_id, account_id)
select $1::uuid, $2::uuid, l.peer_id, l.account_id
from unnest($3::bigint[], $4::uuid[]) as l (peer_id, account_id)
join quire.document_access a
    on a.org_id = $1::uuid and a.document_id = $2::uuid and a.account_id = l.account_id
where a.permission = 'write'
order by l.peer_id
on conflict do nothing
