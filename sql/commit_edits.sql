with claimed as (
    select c.*
    from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::uuid[], $6::integer[], $7::integer[])
        with ordinality as c (org_id, document_id, peer_id, session_id, lease_id, counter_start, counter_end, claim)
),
advanced as (
    update quire.peer p
    set next_counter = c.counter_end
    from claimed c
    join quire.session s on s.session_id = c.session_id
    join quire.document_access a
        on a.org_id = c.org_id and a.document_id = c.document_id and a.account_id = s.account_id
    where p.org_id = c.org_id
    and p.document_id = c.document_id
    and p.peer_id = c.peer_id
    -- The fence: a revocation clears lease_id in this very row, so whoever waited for it stops here.
    and p.lease_id = c.lease_id
    and p.session_id = c.session_id
    and p.account_id = s.account_id
    and p.next_counter = c.counter_start
    and s.ended_at is null
    and s.expires_at > now()
    and (s.scopes is null or 'write' = any (s.scopes))
    and a.permission = 'write'
    returning c.claim, c.org_id, c.document_id, c.peer_id, c.session_id, p.account_id
),
inserted as (
    insert into quire.edit (
        org_id, document_id, account_id, session_id, peer_id,
        counter_start, counter_end, inserted, deleted, update
    )
    select
        a.org_id, a.document_id, a.account_id, a.session_id, a.peer_id,
        e.counter_start, e.counter_end, e.inserted, e.deleted, e.update
    from unnest($8::bigint[], $9::integer[], $10::integer[], $11::integer[], $12::integer[], $13::bytea[])
        with ordinality as e (claim, counter_start, counter_end, inserted, deleted, update, position)
    join advanced a on a.claim = e.claim
    order by e.position
)
select claim, (select pg_current_xact_id()::text::bigint) as xid
from advanced
