delete from quire.attempt
where started_at <= now() - make_interval(secs => $1)
