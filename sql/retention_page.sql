with page as (
    select d.org_id, d.document_id, r.kept, clock_timestamp() - r.kept as kept_from
    from quire.retention r
    join quire.document d on d.org_id = r.org_id
    where (d.org_id, d.document_id) > ($1::uuid, $2::uuid)
    -- While an organisation moves both databases are compared.
    and not exists (select from quire.placement m where m.org_id = d.org_id and m.state <> 'here')
    order by d.org_id, d.document_id
    limit $3::bigint
)
select
    p.org_id,
    p.document_id,
    -- By how much the oldest edit is too old: seconds, null when there is nothing to be folded now.
    case
        when o.xid < n.xid
        and not exists (
            select
            from quire.fold_refusal x
            where x.org_id = p.org_id
            and x.document_id = p.document_id
            and x.found_at > clock_timestamp() - interval '1 day'
        )
        -- What folding writes stays in proportion to what was edited, but for one time a day.
        and (
            f.org_id is null
            or f.folded_at < clock_timestamp() - interval '1 day'
            or octet_length(f.update) <= 8 * (
                select sum(octet_length(e.update))
                from quire.edit e
                where e.org_id = p.org_id
                and e.document_id = p.document_id
                and e.created_at < p.kept_from
            )
        )
        then extract(epoch from p.kept_from - o.created_at)::float8
    end as late_s
from page p
left join quire.fold f on f.org_id = p.org_id and f.document_id = p.document_id
left join lateral (
    select e.xid, e.created_at
    from quire.edit e
    where e.org_id = p.org_id
    and e.document_id = p.document_id
    order by e.xid, e.edit_id
    limit 1
) o on true
left join lateral (
    select e.xid
    from quire.edit e
    where e.org_id = p.org_id
    and e.document_id = p.document_id
    order by e.xid desc, e.edit_id desc
    limit 1
) n on true
order by p.org_id, p.document_id
