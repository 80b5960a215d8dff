select
    p.pubinsert as has_inserts,
    p.pubviaroot as is_by_root,
    array(
        select t.tablename::text
        from pg_publication_tables t
        where t.pubname = p.pubname
        and t.schemaname = 'quire'
    ) as tables
from pg_publication p
where p.pubname = $1
