select
    l.org_id,
    l.document_id,
    l.account_id
from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as l (org_id, document_id, account_id)
join quire.document_access a
    on a.org_id = l.org_id and a.document_id = l.document_id and a.account_id = l.account_id
where a.permission in ('read', 'write')
