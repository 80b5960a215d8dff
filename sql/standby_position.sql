select
    pg_is_in_recovery() as is_standby,
    coalesce(pg_last_wal_replay_lsn() - '0/0'::pg_lsn, 0)::bigint as replayed,
    -- Each of them may be behind, none is ahead.
    greatest(
        (select received_tli from pg_stat_wal_receiver),
        (select min_recovery_end_timeline from pg_control_recovery()),
        (select timeline_id from pg_control_checkpoint())
    ) as timeline_id
