select ceil(extract(epoch from started_at + make_interval(secs => $2) - now()))::integer as wait_s
from quire.attempt
where subject = $1
