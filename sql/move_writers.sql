select distinct l.virtualtransaction
from pg_locks l
join pg_class c on c.oid = l.relation
where l.locktype = 'relation'
and l.database = (select d.oid from pg_database d where d.datname = current_database())
and c.relnamespace = 'quire'::regnamespace
and l.mode in ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
and l.pid is distinct from pg_backend_pid()
