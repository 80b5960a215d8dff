select json_build_object(
    'requests', coalesce(json_agg(json_build_object(
        'account', json_build_object('account_id', a.account_id, 'name', a.name, 'color', a.color),
        'message', r.message,
        'requested_at', quire.instant(r.requested_at)
    ) order by r.requested_at, a.account_id), '[]')
)::text as body
from quire.access_request r
join quire.account a on a.account_id = r.account_id
where r.org_id = $1
and r.document_id = $2
