select
    (select system_identifier from pg_control_system()) as system_identifier,
    pg_is_in_recovery() as is_standby,
    case
        when pg_is_in_recovery() then null
        else substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
    end as timeline_hex,
    (select setting::bigint from pg_settings where name = 'wal_sender_timeout') as wal_sender_timeout_ms
