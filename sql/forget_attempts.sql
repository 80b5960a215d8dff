delete from quire.attempt
where subject = $1
