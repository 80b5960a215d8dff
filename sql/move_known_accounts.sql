select coalesce(array_agg(account_id), '{}') as known
from quire.account
where account_id = any ($1::uuid[])
