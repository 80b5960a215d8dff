delete from quire.oidc_sign_in
where expires_at <= now()
