select exists (
    select
    from quire.edit
    where org_id = $1::uuid
    and document_id = $2::uuid
    and edit_id = $3::bigint
    and peer_id = $4::bigint
    and counter_start = $5::integer
    and counter_end = $6::integer
)
-- It was folded.
or exists (
    select
    from quire.fold f
    cross join lateral unnest(f.peers, f.counters) as v (peer_id, counter)
    where f.org_id = $1::uuid
    and f.document_id = $2::uuid
    and v.peer_id = $4::bigint
    and v.counter >= $6::integer
) as has_edit
