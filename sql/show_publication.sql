select json_build_object(
    'publication', (
        select json_build_object(
            'path', '/p/' || p.publication_id,
            'is_indexed', p.is_indexed,
            'published_at', quire.instant(p.published_at),
            'published_by', json_build_object('account_id', a.account_id, 'name', a.name, 'color', a.color)
        )
        from quire.publication p
        join quire.account a on a.account_id = p.published_by
        where p.org_id = $1::uuid
        and p.document_id = $2::uuid
        and p.ended_at is null
    )
)::text as body
