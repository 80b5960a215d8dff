select
    a.pid,
    coalesce(a.application_name, '') as application_name,
    extract(epoch from clock_timestamp() - a.xact_start)::float8 as open_s
from pg_stat_activity a
where a.backend_xid is not null
order by a.xact_start
limit 1
