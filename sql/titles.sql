select
    d.org_id,
    d.document_id,
    d.title
from unnest($1::uuid[], $2::uuid[]) as r (org_id, document_id)
join quire.document d on d.org_id = r.org_id and d.document_id = r.document_id
where d.deleted_at is null
