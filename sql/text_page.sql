with page as (
    select
        d.org_id,
        d.document_id,
        d.deleted_at
    from quire.document d
    where (d.org_id, d.document_id) > ($1::uuid, $2::uuid)
    order by d.org_id, d.document_id
    limit $3::bigint
)
select
    p.org_id,
    p.document_id,
    p.deleted_at is null
    and quire.lacks_edits(t.seen, t.system_identifier, p.org_id, p.document_id) as is_behind
from page p
left join quire.document_text t on t.org_id = p.org_id and t.document_id = p.document_id
order by p.org_id, p.document_id
