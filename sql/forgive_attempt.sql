update quire.attempt
set failures = greatest(failures - 1, 0)
where subject = $1
