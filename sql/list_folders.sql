select json_build_object('folders', coalesce(json_agg(
    json_build_object(
        'folder_id', f.folder_id,
        'parent_id', f.parent_id,
        'name', f.name,
        'role', a.role,
        'may_manage', a.may_manage,
        'created_at', quire.instant(f.created_at)
    )
    order by f.name, f.folder_id
), '[]'))::text as body
from quire.folder_access a
join quire.folder f on f.org_id = a.org_id and f.folder_id = a.folder_id
where a.org_id = $1
and a.account_id = $2
