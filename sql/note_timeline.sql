insert into quire.timeline (system_identifier, timeline_id, began_at)
select
    $1::bigint,
    $2::integer,
    -- Whatever clock the primary before had: all peers that are here are of its log.
    greatest(clock_timestamp(), (select max(created_at) from quire.peer))
where $3::boolean
or not exists (
    select
    from quire.timeline t
    where t.timeline_number = (select max(timeline_number) from quire.timeline)
    and t.system_identifier = $1::bigint
    and t.timeline_id = $2::integer
)
