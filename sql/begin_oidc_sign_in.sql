insert into quire.oidc_sign_in (token_hash, origin, invitation_hash, name, session_id, expires_at)
values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
