select json_build_object(
    'org_id', o.org_id,
    'name', o.name,
    'role', m.role,
    'default_role', o.default_role,
    'history_days', (select ceil(extract(epoch from r.kept) / 86400)::integer from quire.retention r where r.org_id = o.org_id)
)::text as body
from quire.organisation o
join quire.member m on m.org_id = o.org_id
where o.org_id = $1
and m.account_id = $2
