select
    pg_is_wal_replay_paused() as is_paused,
    exists (select from pg_stat_wal_receiver) as is_receiving,
    current_setting('hot_standby_feedback')::boolean as has_feedback,
    current_setting('server_version_num')::integer >= 160000 as can_decode,
    coalesce(pg_last_wal_replay_lsn() - '0/0'::pg_lsn, 0)::bigint as replayed,
    -- How old what is visible there may be: nothing newer is known to be missing when all that came is applied.
    case
        when pg_last_wal_receive_lsn() is not distinct from pg_last_wal_replay_lsn() then 0
        else (extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::bigint
    end as lag_ms
