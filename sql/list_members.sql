select
    a.account_id,
    m.created_at,
    json_build_object(
        'account_id', a.account_id,
        'name', a.name,
        'color', a.color,
        'role', m.role,
        'email', case when $2::boolean then l.email end,
        'created_at', quire.instant(m.created_at)
    )::text as body
from quire.member m
join quire.account a on a.account_id = m.account_id
left join quire.login l on l.account_id = m.account_id
where m.org_id = $1::uuid
and ($3::timestamptz is null or (m.created_at, m.account_id) > ($3, $4::uuid))
order by m.created_at, m.account_id
limit $5::bigint
