select
    o.org_id,
    o.name,
    m.role
from quire.member m
join quire.organisation o on o.org_id = m.org_id
where m.account_id = $1
and not exists (
    select
    from quire.placement p
    where p.org_id = m.org_id
    and p.state = 'arriving'
)
order by m.created_at, o.org_id
