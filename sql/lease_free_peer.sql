update quire.peer
set lease_id = $5::uuid,
    session_id = $6::uuid
where org_id = $1::uuid
and document_id = $2::uuid
and peer_id = (
    select f.peer_id
    from quire.peer f
    where f.org_id = $1::uuid
    and f.document_id = $2::uuid
    and f.account_id = $3::uuid
    and f.device = $4::text
    and f.lease_id is null
    -- What an older one wrote last may be lost here and stand in the copy of a client that is away:
    -- it is for whoever names it. While the log that is written is not noted, all are older.
    and f.created_at > (
        select t.began_at
        from quire.timeline t
        where t.timeline_number = (select max(timeline_number) from quire.timeline)
        and t.system_identifier = (select system_identifier from pg_control_system())
        and t.timeline_id = ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer
    )
    order by f.created_at
    limit 1
    for update skip locked
)
returning peer_id, next_counter
