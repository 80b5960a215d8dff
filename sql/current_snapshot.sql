select
    pg_current_snapshot()::text as snapshot,
    (pg_current_wal_flush_lsn() - '0/0')::bigint as flushed
