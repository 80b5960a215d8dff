select
    t.thread_id,
    t.created_at,
    json_build_object(
        'thread_id', t.thread_id,
        'anchor', case when t.anchor_start is not null then json_build_object(
            'start', quire.base64url(t.anchor_start),
            'end', quire.base64url(t.anchor_end)
        ) end,
        'quote', t.quote,
        'created_at', quire.instant(t.created_at),
        'resolved_at', quire.instant(t.resolved_at),
        'resolved_by', case when r.account_id is not null then
            json_build_object('account_id', r.account_id, 'name', r.name) end,
        'may_delete', t.created_by = $3 or $4,
        'comments', (
            select json_agg(json_build_object(
                'comment_id', c.comment_id,
                'author', json_build_object('account_id', a.account_id, 'name', a.name, 'color', a.color),
                'body', c.body,
                'created_at', quire.instant(c.created_at),
                'edited_at', quire.instant(c.edited_at),
                'may_change', c.account_id = $3,
                'may_delete', (c.account_id = $3 or $4) and c.comment_id <> t.thread_id
            ) order by c.comment_id <> t.thread_id, c.created_at, c.comment_id)
            from quire.comment c
            join quire.account a on a.account_id = c.account_id
            where c.org_id = t.org_id
            and c.document_id = t.document_id
            and c.thread_id = t.thread_id
        )
    )::text as body
from quire.comment_thread t
left join quire.account r on r.account_id = t.resolved_by
where t.org_id = $1::uuid
and t.document_id = $2::uuid
and ($5::uuid is null or t.thread_id = $5)
and ($6::timestamptz is null or (t.created_at, t.thread_id) > ($6, $7::uuid))
order by t.created_at, t.thread_id
limit $8::bigint
