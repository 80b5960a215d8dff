delete from quire.folder f
where f.org_id = $1
and f.folder_id = $2
and not exists (
    select 1
    from quire.document d
    where d.org_id = $1
    and d.folder_id = $2
)
and not exists (
    select 1
    from quire.folder c
    where c.org_id = $1
    and c.parent_id = $2
)
