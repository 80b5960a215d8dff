update quire.session
set last_seen_at = now(),
    expires_at = greatest(expires_at, least(latest_end, now() + make_interval(secs => $2)))
where session_id = any ($1)
and last_seen_at <= now() - interval '1 hour'
and ended_at is null
and expires_at > now()
