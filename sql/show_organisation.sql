select json_build_object(
    'org_id', o.org_id,
    'name', o.name,
    'role', m.role,
    'default_role', o.default_role
)::text as body
from quire.organisation o
join quire.member m on m.org_id = o.org_id
where o.org_id = $1
and m.account_id = $2
