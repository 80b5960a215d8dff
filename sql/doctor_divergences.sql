select
    org_id::text as org_id,
    document_id::text as document_id,
    count(*) as times,
    to_char(max(found_at) at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS') as last_at,
    (array_agg(position::text order by found_at desc))[1] as position,
    (array_agg(array_to_string(servers, ' and ') order by found_at desc))[1] as servers,
    (array_agg(is_rebuilt order by found_at desc))[1] as is_rebuilt
from quire.divergence
where found_at > now() - interval '24 hours'
group by org_id, document_id
order by max(found_at) desc
limit 20
