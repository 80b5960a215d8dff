select
    (
        case
            -- A standby does not list the transactions that are open on the primary: of what is not over
            -- for certain it is not said that it was seen.
            when pg_is_in_recovery() then
                format('%1$s:%1$s:', pg_snapshot_xmin(pg_current_snapshot()))
            else pg_current_snapshot()::text
        end
    ) as seen,
    (
        case
            when pg_is_in_recovery() then greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
            else pg_current_wal_insert_lsn()
        end
        - '0/0'::pg_lsn
    )::bigint as reaches
