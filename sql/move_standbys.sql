select
    r.pid,
    coalesce(nullif(r.application_name, ''), 'without a name') as name,
    coalesce(host(r.client_addr), 'local') as address,
    r.state,
    coalesce(r.flush_lsn >= $1::text::pg_lsn, false) as is_flushed,
    coalesce(r.replay_lsn >= $1::text::pg_lsn, false) as is_replayed
from pg_stat_replication r
join pg_stat_activity a on a.pid = r.pid
-- Who reads the log by a slot of decoding is in a database; a standby is in none.
where a.datid is null
-- Copies that take part in nothing.
and r.state is distinct from 'backup'
and coalesce(r.application_name, '') not in ('pg_basebackup', 'pg_receivewal')
order by name, address, r.pid
