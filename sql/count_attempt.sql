insert into quire.attempt (subject, failures, started_at)
values ($1, 1, now())
on conflict (subject) do update
set failures = case when attempt.started_at <= now() - make_interval(secs => $3) then 1 else attempt.failures + 1 end,
    started_at = case when attempt.started_at <= now() - make_interval(secs => $3) then now() else attempt.started_at end
where attempt.failures < $2
or attempt.started_at <= now() - make_interval(secs => $3)
returning failures
