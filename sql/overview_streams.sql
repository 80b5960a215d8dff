select
    r.application_name::text as name,
    coalesce(host(r.client_addr), 'local') as address,
    r.state,
    r.sync_state,
    coalesce(s.slot_type = 'logical', false) as is_logical,
    pg_wal_lsn_diff(
        case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
        r.replay_lsn
    )::bigint as behind_bytes,
    (extract(epoch from r.replay_lag) * 1000)::bigint as lag_ms
from pg_stat_replication r
left join pg_replication_slots s on s.active_pid = r.pid
order by r.backend_start, r.pid
