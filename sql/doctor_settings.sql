select
    current_setting('server_version_num')::integer as version,
    current_setting('server_version') as version_name,
    current_setting('wal_level') as wal_level,
    current_setting('synchronous_commit') as synchronous_commit,
    current_setting('synchronous_standby_names') as synchronous_standby_names,
    current_setting('fsync') as fsync,
    current_setting('full_page_writes') as full_page_writes,
    current_setting('transaction_read_only') as read_only,
    pg_is_in_recovery() as standby,
    current_setting('max_replication_slots')::integer as slots_allowed,
    (select count(*) from pg_replication_slots)::integer as slots_used,
    current_setting('max_wal_senders')::integer as senders_allowed,
    (select count(*) from pg_stat_replication)::integer as senders_used,
    (
        select count(*)
        from pg_stat_replication
        where sync_state in ('sync', 'quorum', 'potential')
    )::integer as synchronous_standbys,
    pg_has_role('pg_monitor', 'usage') or coalesce(me.rolsuper, false) as sees_everything,
    current_user::text as role,
    current_database()::text as database,
    coalesce(me.rolreplication or me.rolsuper, false)
    or exists (
        select 1
        from pg_roles r
        where r.rolname = 'rds_replication'
        and pg_has_role(r.oid, 'usage')
    ) as may_replicate
from (select 1) one
left join pg_roles me on me.rolname = current_user
