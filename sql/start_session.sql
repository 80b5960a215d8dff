insert into quire.session (session_id, account_id, token_hash, user_agent, address, expires_at, latest_end)
select
    $1, a.account_id, $3, left($4, 200), nullif(current_setting('quire.address', true), '')::inet,
    now() + make_interval(secs => $5), now() + make_interval(secs => $6)
from quire.account a
where a.account_id = $2
returning
    session_id,
    account_id,
    (select name from quire.account where account_id = $2) as name,
    (select color from quire.account where account_id = $2) as color,
    kind,
    scopes,
    expires_at
