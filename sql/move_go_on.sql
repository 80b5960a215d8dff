update quire.placement
set state = $3::text,
    addresses = $4::text[],
    since = clock_timestamp()
where org_id = $1::uuid
and move_id = $2::uuid
and state = $5::text
