select
    (select system_identifier from pg_control_system()) as system_identifier,
    pg_is_in_recovery() as is_standby,
    current_setting('transaction_read_only')::boolean as is_read_only,
    case
        when pg_is_in_recovery() then null
        else substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
    end as timeline_hex,
    coalesce(
        (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end) - '0/0'::pg_lsn,
        0
    )::bigint as position,
    (select setting::bigint from pg_settings where name = 'wal_sender_timeout') as wal_sender_timeout_ms,
    -- Since PostgreSQL 16.
    current_setting('server_version_num')::integer >= 160000 as decodes_on_standby
