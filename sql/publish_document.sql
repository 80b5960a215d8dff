insert into quire.publication as p (org_id, document_id, publication_id, is_indexed, published_by)
select d.org_id, d.document_id, $3::uuid, $4::boolean, $5::uuid
from quire.document d
where d.org_id = $1::uuid
and d.document_id = $2::uuid
and d.deleted_at is null
on conflict on constraint publication_pkey do update
set is_indexed = excluded.is_indexed,
    ended_at = null,
    published_by = case when p.ended_at is null then p.published_by else excluded.published_by end,
    published_at = case when p.ended_at is null then p.published_at else excluded.published_at end
