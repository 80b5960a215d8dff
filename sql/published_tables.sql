select
    p.pubinsert as has_inserts,
    p.pubviaroot as is_by_root,
    array(
        select t.tablename::text
        from pg_publication_tables t
        join pg_namespace s on s.nspname = t.schemaname
        join pg_class c on c.relnamespace = s.oid and c.relname = t.tablename
        where t.pubname = p.pubname
        and t.schemaname = 'quire'
        and t.rowfilter is null
        and cardinality(t.attnames) = (
            select count(*)
            from pg_attribute a
            where a.attrelid = c.oid
            and a.attnum > 0
            and not a.attisdropped
            and a.attgenerated = ''
        )
        -- What is not logged is not streamed.
        and not exists (
            select
            from pg_partition_tree(c.oid) part
            join pg_class part_class
            on part_class.oid = part.relid
            where part_class.relpersistence <> 'p'
        )
    ) as tables,
    -- Another one after every change, also after one that was taken back.
    format(
        '%s:%s %s %s',
        p.oid,
        p.xmin,
        (
            select string_agg(format('%s:%s', r.oid, r.xmin), ',' order by r.oid)
            from pg_publication_rel r
            where r.prpubid = p.oid
        ),
        (
            select string_agg(format('%s:%s', n.oid, n.xmin), ',' order by n.oid)
            from pg_publication_namespace n
            where n.pnpubid = p.oid
        )
    ) as form
from pg_publication p
where p.pubname = $1
