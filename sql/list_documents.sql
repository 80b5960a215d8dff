select
    d.org_id,
    d.document_id,
    coalesce(e.created_at, d.created_at) as changed_at,
    d.title,
    to_char(d.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as created_at,
    c.name as created_by,
    to_char(coalesce(e.created_at, d.created_at) at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as edited_at,
    to_char(d.deleted_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as deleted_at,
    a.role,
    d.folder_id,
    d.owner_id,
    coalesce(a.may_manage, false) as may_manage,
    case
        when a.may_manage then (
            select count(*)::integer
            from quire.access_request r
            where r.org_id = d.org_id
            and r.document_id = d.document_id
        )
        else 0
    end as access_requests
from quire.document_access a
join quire.document d on d.org_id = a.org_id and d.document_id = a.document_id
join quire.account c on c.account_id = d.created_by
left join lateral (
    select created_at
    from quire.edit
    where org_id = $1
    and document_id = d.document_id
    order by xid desc, edit_id desc
    limit 1
) e on true
where a.org_id = $1
and a.account_id = $2
and (d.deleted_at is not null) = $3
and ($5::uuid is null or d.folder_id = $5)
and (
    $6::timestamptz is null
    or coalesce(e.created_at, d.created_at) < $6
    or (coalesce(e.created_at, d.created_at) = $6 and d.document_id > $7::uuid)
)
order by coalesce(e.created_at, d.created_at) desc, d.document_id
limit $4
