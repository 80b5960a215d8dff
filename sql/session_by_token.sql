select
    s.session_id,
    s.account_id,
    a.name,
    a.color,
    s.kind,
    s.scopes,
    s.expires_at,
    s.last_seen_at <= now() - interval '1 hour' as is_unnoted
from quire.session s
join quire.account a on a.account_id = s.account_id
where s.token_hash = $1
and s.ended_at is null
and s.expires_at > now()
