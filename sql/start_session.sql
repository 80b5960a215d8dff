insert into quire.session (session_id, account_id, token_hash, user_agent, expires_at)
select $1, a.account_id, $3, left($4, 200), now() + make_interval(secs => $5)
from quire.account a
where a.account_id = $2
returning
    session_id,
    account_id,
    (select name from quire.account where account_id = $2) as name,
    (select color from quire.account where account_id = $2) as color,
    expires_at
