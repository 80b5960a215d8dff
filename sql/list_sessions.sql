select
    session_id,
    name,
    coalesce(scopes, '{}') as scopes,
    user_agent,
    host(address) as address,
    to_char(created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as created_at,
    to_char(last_seen_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as last_seen_at,
    to_char(expires_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as expires_at
from quire.session
where account_id = $1
and kind = $2
and ended_at is null
and expires_at > now()
order by quire.session.last_seen_at desc, session_id
