select
    p.state,
    p.move_id,
    p.known_accounts,
    o.org_id is not null as is_there,
    c.system_identifier,
    current_database()::text as database
from pg_control_system() c
left join quire.organisation o on o.org_id = $1::uuid
left join quire.placement p on p.org_id = $1::uuid
