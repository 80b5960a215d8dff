select
    pg_log_standby_snapshot(),
    -- Flushes it, so that a standby hears of it now.
    pg_logical_emit_message(true, 'quire_snapshot', '')
