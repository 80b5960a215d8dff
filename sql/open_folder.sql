select json_build_object(
    'folder_id', f.folder_id,
    'parent_id', f.parent_id,
    'name', f.name,
    'role', a.role,
    'may_manage', a.may_manage,
    'created_at', quire.instant(f.created_at),
    'organisation_name', o.name,
    'path', coalesce((
        select json_agg(json_build_object('folder_id', u.folder_id, 'name', u.name) order by cardinality(u.path))
        from quire.folder u
        join quire.folder_access b on b.org_id = u.org_id and b.folder_id = u.folder_id
        where u.org_id = f.org_id
        and u.folder_id = any (f.path)
        and u.folder_id <> f.folder_id
        and b.account_id = a.account_id
    ), '[]'),
    'folders', coalesce((
        select json_agg(json_build_object('folder_id', i.folder_id, 'name', i.name) order by i.name, i.folder_id)
        from quire.folder i
        join quire.folder_access b on b.org_id = i.org_id and b.folder_id = i.folder_id
        where i.org_id = f.org_id
        and i.parent_id = f.folder_id
        and b.account_id = a.account_id
    ), '[]')
)::text as body
from quire.folder_access a
join quire.folder f on f.org_id = a.org_id and f.folder_id = a.folder_id
join quire.organisation o on o.org_id = a.org_id
where a.org_id = $1
and a.account_id = $2
and a.folder_id = $3
