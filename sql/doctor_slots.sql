select
    slot_name::text as name,
    active,
    temporary,
    slot_type = 'logical' as is_logical,
    pg_wal_lsn_diff(
        case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
        restart_lsn
    )::bigint as retained_bytes
from pg_replication_slots
where restart_lsn is not null
order by restart_lsn
