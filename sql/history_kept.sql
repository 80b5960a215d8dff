select
    (select ceil(extract(epoch from r.kept) / 86400)::integer from quire.retention r where r.org_id = $1::uuid) as days,
    (
        select quire.instant(f.through_at)
        from quire.fold f
        where f.org_id = $1::uuid
        and f.document_id = $2::uuid
    ) as since
