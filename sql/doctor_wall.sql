select
    quire.wall_stands() as stands,
    array(
        select c.relname::text
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
        where c.relnamespace = 'quire'::regnamespace
        and c.relkind in ('r', 'p')
        and not c.relispartition
        and not c.relrowsecurity
        and c.relname <> 'idempotency_key'
        order by c.relname
    ) as open_tables
