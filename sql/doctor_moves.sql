with move as (
    select
        p.org_id::text as org_id,
        p.state,
        clock_timestamp() - p.since as age,
        hashtextextended(p.org_id::text, 14) as key
    from quire.placement p
    where p.state in ('moving', 'arriving')
)
select
    m.org_id,
    m.state,
    extract(epoch from m.age)::float8 as age_s
from move m
where m.age > $1::float8 * interval '1 second'
-- The command holds this lock while it runs, however long that is.
and not exists (
    select
    from pg_locks l
    where l.locktype = 'advisory'
    and l.database = (select d.oid from pg_database d where d.datname = current_database())
    and l.classid::bigint = (m.key >> 32) & 4294967295
    and l.objid::bigint = m.key & 4294967295
    and l.objsubid = 1
)
order by m.age desc
limit 20
