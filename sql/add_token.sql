insert into quire.session (session_id, account_id, token_hash, kind, name, scopes, address, expires_at)
values (
    $1, $2, $3, 'token', $4, $5, nullif(current_setting('quire.address', true), '')::inet,
    now() + make_interval(secs => $6)
)
