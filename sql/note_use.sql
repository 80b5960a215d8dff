update quire.session
set last_seen_at = now(),
    expires_at = case
        -- Not by least() alone: it passes over a null.
        when latest_end is null then expires_at
        else greatest(expires_at, least(latest_end, now() + make_interval(secs => $2)))
    end
where session_id = any ($1)
and last_seen_at <= now() - interval '1 hour'
and ended_at is null
and expires_at > now()
