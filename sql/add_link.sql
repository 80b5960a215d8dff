insert into quire.invitation (token_hash, org_id, document_id, account_id, role, created_by, expires_at)
values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
returning to_char(expires_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as expires_at
