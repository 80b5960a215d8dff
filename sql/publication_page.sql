select
    p.org_id,
    p.document_id,
    quire.lacks_edits(p.told, p.system_identifier, p.org_id, p.document_id)
    or not pg_visible_in_snapshot(p.changed, p.told) as is_untold
from quire.publication p
where (p.org_id, p.document_id) > ($1::uuid, $2::uuid)
order by p.org_id, p.document_id
limit $3::bigint
