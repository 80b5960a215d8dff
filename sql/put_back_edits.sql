with claimed as (
    select c.*
    from unnest($3::bigint[], $4::integer[], $5::integer[]) as c (peer_id, counter_start, counter_end)
),
advanced as (
    update quire.peer p
    set next_counter = c.counter_end
    from claimed c
    where p.org_id = $1::uuid
    and p.document_id = $2::uuid
    and p.peer_id = c.peer_id
    -- Whether their authors may write was asked when the rows were locked (writing_peers.sql), and nobody
    -- can take the right away before this transaction ends.
    and p.next_counter = c.counter_start
    returning p.peer_id, p.account_id, p.session_id
),
inserted as (
    insert into quire.edit (
        org_id, document_id, account_id, session_id, peer_id,
        counter_start, counter_end, inserted, deleted, update
    )
    -- How many characters they inserted and deleted was lost with the rows.
    select
        $1::uuid, $2::uuid, a.account_id, a.session_id, a.peer_id,
        e.counter_start, e.counter_end, 0, 0, e.update
    from unnest($6::bigint[], $7::integer[], $8::integer[], $9::bytea[])
        with ordinality as e (peer_id, counter_start, counter_end, update, position)
    join advanced a on a.peer_id = e.peer_id
    order by e.position
)
select peer_id
from advanced
