select
    pg_is_wal_replay_paused() as is_paused,
    exists (select from pg_stat_wal_receiver) as is_receiving,
    current_setting('hot_standby_feedback')::boolean as has_feedback,
    current_setting('server_version_num')::integer >= 160000 as can_decode,
    coalesce(pg_last_wal_replay_lsn() - '0/0'::pg_lsn, 0)::bigint as replayed
