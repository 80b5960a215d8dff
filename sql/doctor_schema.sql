select
    to_regnamespace('quire') is not null as schema_exists,
    has_database_privilege(current_database(), 'create') as may_create_schema,
    coalesce(has_schema_privilege(to_regnamespace('quire'), 'usage'), false) as may_use_schema,
    (
        select coalesce(array_agg(c.relname::text order by c.relname), '{}')
        from pg_class c
        where c.relnamespace = to_regnamespace('quire')
        and c.relkind in ('r', 'p')
        and not c.relispartition
        and not (
            has_table_privilege(c.oid, 'select')
            and (c.relname = 'migration' or has_table_privilege(c.oid, 'insert'))
            and (
                c.relname in ('edit', 'event', 'migration', 'setting')
                or has_table_privilege(c.oid, 'update')
            )
        )
    ) as closed_tables
