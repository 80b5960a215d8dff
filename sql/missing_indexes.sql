with partition as (
    select
        c.oid,
        c.relname,
        c.relname || '_created_at_idx' as index_name
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'quire.edit'::regclass
),
known as (
    select
        p.oid,
        i.indisvalid
    from partition p
    join pg_class x on x.relname = p.index_name and x.relnamespace = 'quire'::regnamespace
    join pg_index i on i.indexrelid = x.oid and i.indrelid = p.oid
)
-- One that was not finished is made anew.
select
    1 as turn,
    format('drop index concurrently if exists quire.%I', p.index_name) as statement
from partition p
join known k on k.oid = p.oid and not k.indisvalid
union all
select
    2,
    format(
        'create index concurrently %I on quire.%I using brin (created_at) with (pages_per_range = 32, autosummarize = on)',
        p.index_name, p.relname
    )
from partition p
where not exists (select from known k where k.oid = p.oid and k.indisvalid)
order by turn, statement
