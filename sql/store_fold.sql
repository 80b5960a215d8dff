insert into quire.fold as f (org_id, document_id, through, through_at, peers, counters, update)
values (
    $1::uuid,
    $2::uuid,
    $3::text::xid8,
    to_timestamp($4::bigint / 1000000) + ($4::bigint % 1000000) * interval '1 microsecond',
    $5::bigint[],
    $6::integer[],
    $7::bytea
)
on conflict on constraint fold_pkey do update
set xid = excluded.xid,
    through = greatest(f.through, excluded.through),
    through_at = greatest(f.through_at, excluded.through_at),
    peers = excluded.peers,
    counters = excluded.counters,
    folded_at = excluded.folded_at,
    update = excluded.update
-- Not when another server has folded more meanwhile.
where f.xid::text = $8::text
returning xid::text as xid
