insert into quire.password_reset (token_hash, account_id, expires_at)
select $1, l.account_id, now() + make_interval(secs => $3)
from quire.login l
where l.email = $2
and (
    -- Nobody's mailbox is filled by somebody else.
    select count(*)
    from quire.password_reset r
    where r.account_id = l.account_id
    and r.created_at > now() - interval '15 minutes'
) < 3
