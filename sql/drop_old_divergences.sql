delete from quire.divergence
where found_at < now() - interval '30 days'
