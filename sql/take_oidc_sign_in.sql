delete from quire.oidc_sign_in
where token_hash = $1
and expires_at > now()
returning origin, invitation_hash, name, session_id
