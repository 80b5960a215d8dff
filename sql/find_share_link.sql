select
    l.org_id,
    l.link_id,
    l.document_id,
    l.folder_id,
    l.role,
    l.password_hash,
    o.name as organisation_name,
    coalesce(d.title, f.name) as title
from quire.share_link l
join quire.organisation o on o.org_id = l.org_id
left join quire.document d on d.org_id = l.org_id and d.document_id = l.document_id
left join quire.folder f on f.org_id = l.org_id and f.folder_id = l.folder_id
where l.token_hash = $1
and l.revoked_at is null
and (l.expires_at is null or l.expires_at > now())
and d.deleted_at is null
