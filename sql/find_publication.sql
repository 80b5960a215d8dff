select
    d.org_id,
    d.document_id,
    d.title,
    p.is_indexed,
    (select c.system_identifier from pg_control_system() c) as system_identifier,
    p.ended_at is not null or d.deleted_at is not null as is_gone,
    not quire.lacks_edits($2::text::pg_snapshot, $3::bigint, p.org_id, p.document_id) as is_known
from quire.publication p
join quire.document d on d.org_id = p.org_id and d.document_id = p.document_id
where p.publication_id = $1::uuid
