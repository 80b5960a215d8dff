with written as (
    select
        e.edit_id,
        e.account_id,
        e.created_at,
        e.inserted,
        e.deleted,
        e.account_id is distinct from lag(e.account_id) over earlier
            or e.created_at > lag(e.created_at) over earlier + $3::bigint * interval '1 microsecond' as begins
    from quire.edit e
    where e.org_id = $1
    and e.document_id = $2
    window earlier as (order by e.created_at, e.edit_id)
),
numbered as (
    select
        w.*,
        count(*) filter (where w.begins) over (order by w.created_at, w.edit_id) as sitting
    from written w
),
sittings as (
    select
        n.sitting,
        -- All of a sitting are of one account.
        (array_agg(n.account_id))[1] as account_id,
        (array_agg(n.edit_id order by n.created_at, n.edit_id))[1] as first_edit,
        (array_agg(n.edit_id order by n.created_at desc, n.edit_id desc))[1] as last_edit,
        min(n.created_at) as from_at,
        max(n.created_at) as to_at,
        count(*) as edits,
        sum(n.inserted) as inserted,
        sum(n.deleted) as deleted
    from numbered n
    group by n.sitting
)
select
    s.sitting,
    json_build_object(
        'author', json_build_object('account_id', a.account_id, 'name', a.name, 'color', a.color),
        'from', quire.instant(s.from_at),
        'to', quire.instant(s.to_at),
        'first_edit', s.first_edit::text,
        'last_edit', s.last_edit::text,
        'edits', s.edits,
        'inserted', s.inserted,
        'deleted', s.deleted
    )::text as body
from sittings s
join quire.account a on a.account_id = s.account_id
where s.sitting < $4
order by s.sitting desc
limit $5
