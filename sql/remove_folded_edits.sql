with gone as (
    delete from quire.edit e
    using unnest($3::text[], $4::bigint[]) as g (xid, edit_id)
    where e.org_id = $1::uuid
    and e.document_id = $2::uuid
    and e.xid = g.xid::xid8
    and e.edit_id = g.edit_id
    -- Only while the fold is there that has them.
    and exists (
        select
        from quire.fold f
        where f.org_id = $1::uuid
        and f.document_id = $2::uuid
        and f.xid = $5::text::xid8
    )
    -- Not while the organisation moves: the other database has them by now.
    and not exists (
        select
        from quire.placement m
        where m.org_id = $1::uuid
        and m.state <> 'here'
    )
    returning e.inserted, e.deleted
),
counted as (
    select count(*) as edits, coalesce(sum(inserted), 0) as inserted, coalesce(sum(deleted), 0) as deleted
    from gone
)
update quire.fold f
set edits = f.edits + c.edits,
    inserted = f.inserted + c.inserted,
    deleted = f.deleted + c.deleted
from counted c
where f.org_id = $1::uuid
and f.document_id = $2::uuid
returning c.edits
