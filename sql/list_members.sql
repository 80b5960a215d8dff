select json_build_object('members', coalesce(json_agg(
    json_build_object(
        'account_id', a.account_id,
        'name', a.name,
        'color', a.color,
        'role', m.role,
        'email', case when $2::boolean then l.email end,
        'created_at', quire.instant(m.created_at)
    )
    order by a.name, a.account_id
), '[]'))::text as body
from quire.member m
join quire.account a on a.account_id = m.account_id
left join quire.login l on l.account_id = m.account_id
where m.org_id = $1
