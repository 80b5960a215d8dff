select
    pg_current_snapshot()::text as seen,
    (
        case
            when pg_is_in_recovery() then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
            else pg_current_wal_insert_lsn()
        end
        - '0/0'::pg_lsn
    )::bigint as reaches
