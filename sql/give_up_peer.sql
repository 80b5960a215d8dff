with given_up as (
    insert into quire.given_up_peer (org_id, document_id, peer_id, account_id)
    select $1::uuid, $2::uuid, $3::bigint, $4::uuid
    where not exists (
        select
        from quire.peer p
        where p.org_id = $1::uuid
        and p.document_id = $2::uuid
        and p.peer_id = $3::bigint
        and p.account_id <> $4::uuid
    )
    on conflict do nothing
)
select coalesce((
    select p.next_counter
    from quire.peer p
    where p.org_id = $1::uuid
    and p.document_id = $2::uuid
    and p.peer_id = $3::bigint
), 0) as next_counter
