insert into quire.access_request as r (org_id, document_id, account_id, message)
select d.org_id, d.document_id, $3, $4
from quire.document d
where d.org_id = $1
and d.document_id = $2
and not exists (
    select 1
    from quire.document_access a
    where a.org_id = d.org_id
    and a.document_id = d.document_id
    and a.account_id = $3
)
on conflict (org_id, document_id, account_id) do update
set message = excluded.message,
    requested_at = excluded.requested_at
