select
    e.document_id,
    (
        count(*) || ' ' || sum(('x' || substr(md5(concat_ws(
            ' ', e.edit_id, e.account_id, e.session_id, e.peer_id, e.counter_start, e.counter_end, e.inserted, e.deleted,
            extract(epoch from e.created_at), md5(e.update)
        )), 1, 16))::bit(64)::bigint)
        || coalesce((
            select ' and what is folded ' || md5(f.update)
            from quire.fold f
            where f.org_id = $1::uuid
            and f.document_id = e.document_id
        ), '')
    )::text as digest
from unnest($2::uuid[]) d (document_id)
join quire.edit e on e.org_id = $1::uuid and e.document_id = d.document_id
group by e.document_id
order by e.document_id
