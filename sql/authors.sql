select
    coalesce(
        json_agg(json_build_object('account_id', account_id, 'name', name, 'color', color) order by account_id),
        '[]'
    )::text as body
from quire.account
where account_id = any ($1)
