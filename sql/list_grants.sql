with place as (
    select
        d.document_id,
        d.owner_id,
        coalesce(f.path, '{}') as path
    from quire.document d
    left join quire.folder f on f.org_id = d.org_id and f.folder_id = d.folder_id
    where d.org_id = $1
    and d.document_id = $2
    union all
    select null, null, f.path
    from quire.folder f
    where f.org_id = $1
    and f.folder_id = $3
)
select json_build_object(
    'owner', (
        select json_build_object('account_id', a.account_id, 'name', a.name, 'color', a.color)
        from quire.account a
        where a.account_id = p.owner_id
    ),
    'may_manage', $4::boolean,
    'grants', coalesce((
        select json_agg(json_build_object(
            'grant_id', g.grant_id,
            'role', g.role,
            'account', case when a.account_id is not null then
                json_build_object('account_id', a.account_id, 'name', a.name, 'color', a.color) end,
            'group', case when o.group_id is not null then
                json_build_object('group_id', o.group_id, 'name', o.name) end,
            'everyone', g.everyone,
            'inherited_from', case when g.folder_id is distinct from $3 then g.folder_id end
        ) order by g.everyone desc, o.name, a.name, g.grant_id)
        from quire.access_grant g
        left join quire.account a on a.account_id = g.account_id
        left join quire.org_group o on o.org_id = g.org_id and o.group_id = g.group_id
        where g.org_id = $1
        and (g.document_id = p.document_id or g.folder_id = any (p.path))
    ), '[]'),
    'links', coalesce((
        select json_agg(json_build_object(
            'link_id', l.link_id,
            'role', l.role,
            'has_password', l.password_hash is not null,
            'created_at', quire.instant(l.created_at),
            'created_by', json_build_object('account_id', a.account_id, 'name', a.name, 'color', a.color),
            'expires_at', quire.instant(l.expires_at),
            'inherited_from', case when l.folder_id is distinct from $3 then l.folder_id end
        ) order by l.created_at, l.link_id)
        from quire.share_link l
        join quire.account a on a.account_id = l.created_by
        where $4
        and l.org_id = $1
        and (l.document_id = p.document_id or l.folder_id = any (p.path))
        and l.revoked_at is null
        and (l.expires_at is null or l.expires_at > now())
    ), '[]')
)::text as body
from place p
