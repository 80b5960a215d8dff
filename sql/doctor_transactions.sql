select
    'process ' || pid as what,
    'select pg_terminate_backend(' || pid || ')' as mend,
    coalesce(datname::text, '') as database,
    coalesce(application_name, '') as application,
    extract(epoch from clock_timestamp() - xact_start)::float8 as age_s
from pg_stat_activity
where backend_xid is not null
and pid <> pg_backend_pid()
and xact_start < clock_timestamp() - make_interval(secs => $1)
union all
select
    'prepared transaction ' || gid,
    'rollback prepared ' || quote_literal(gid),
    database::text,
    '',
    extract(epoch from clock_timestamp() - prepared)::float8
from pg_prepared_xacts
where prepared < clock_timestamp() - make_interval(secs => $1)
order by age_s desc
