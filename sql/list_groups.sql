select json_build_object('groups', coalesce(json_agg(
    json_build_object(
        'group_id', g.group_id,
        'name', g.name,
        'members', coalesce((
            select json_agg(
                json_build_object('account_id', a.account_id, 'name', a.name, 'color', a.color)
                order by a.name, a.account_id
            )
            from quire.org_group_member i
            join quire.account a on a.account_id = i.account_id
            where i.org_id = g.org_id
            and i.group_id = g.group_id
        ), '[]')
    )
    order by g.name
), '[]'))::text as body
from quire.org_group g
where g.org_id = $1
and ($2::uuid is null or g.group_id = $2)
