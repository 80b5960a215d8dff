select p.peer_id, p.next_counter
from quire.peer p
where p.org_id = $1::uuid
and p.document_id = $2::uuid
and p.peer_id = any ($3::bigint[])
and exists (
    select
    from quire.document_access a
    where a.org_id = p.org_id
    and a.document_id = p.document_id
    and a.account_id = p.account_id
    and a.permission = 'write'
)
and not exists (
    select
    from quire.given_up_peer g
    where g.org_id = p.org_id
    and g.document_id = p.document_id
    and g.peer_id = p.peer_id
    and g.account_id = p.account_id
)
order by p.peer_id
for update of p
