select
    json_build_object(
        'version_id', v.version_id,
        'name', v.name,
        'author', json_build_object('account_id', a.account_id, 'name', a.name, 'color', a.color),
        'created_at', quire.instant(v.created_at),
        'written_at', quire.instant(v.written_at)
    )::text as body
from quire.version v
join quire.account a on a.account_id = v.created_by
where v.org_id = $1
and v.document_id = $2
and (v.version_id = $3 or $3 is null)
order by v.written_at desc, v.version_id
limit $4
