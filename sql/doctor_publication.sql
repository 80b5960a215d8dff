select
    p.pubinsert and p.pubviaroot as right_form,
    (
        select coalesce(array_agg(needed.name order by needed.name), '{}')
        from (values ('edit'), ('event')) needed (name)
        where not exists (
            select 1
            from pg_publication_tables t
            where t.pubname = p.pubname
            and t.schemaname = 'quire'
            and t.tablename = needed.name
        )
    ) as missing_tables
from pg_publication p
where p.pubname = 'quire_feed'
