select
    d.org_id,
    d.document_id,
    t.version,
    quire.lacks_edits(t.seen, t.system_identifier, d.org_id, d.document_id) as is_behind
from unnest($1::uuid[], $2::uuid[]) as r (org_id, document_id)
join quire.document d on d.org_id = r.org_id and d.document_id = r.document_id
left join quire.document_text t on t.org_id = d.org_id and t.document_id = d.document_id
where d.deleted_at is null
