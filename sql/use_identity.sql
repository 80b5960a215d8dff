update quire.identity
set last_used_at = now()
where issuer = $1
and subject = $2
returning account_id
