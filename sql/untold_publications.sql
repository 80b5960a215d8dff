select
    p.org_id,
    p.document_id,
    p.publication_id,
    pg_current_snapshot()::text as seen,
    quire.lacks_edits(p.told, p.system_identifier, p.org_id, p.document_id)
    or not pg_visible_in_snapshot(p.changed, p.told) as is_untold
from quire.publication p
where (p.org_id, p.document_id) in (select * from unnest($1::uuid[], $2::uuid[]))
