insert into quire.placement (org_id, state, move_id, addresses, known_accounts)
values ($1::uuid, $2::text, $3::uuid, $4::text[], $5::uuid[])
on conflict (org_id) do update
set state = excluded.state,
    move_id = excluded.move_id,
    addresses = excluded.addresses,
    known_accounts = excluded.known_accounts,
    since = clock_timestamp()
