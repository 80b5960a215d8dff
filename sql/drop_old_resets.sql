delete from quire.password_reset
where expires_at <= now() - interval '1 day'
