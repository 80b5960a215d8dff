select
    e.document_id,
    count(*) as edits,
    (sum(e.edit_id) || ' ' || sum(e.counter_end - e.counter_start) || ' ' || sum(octet_length(e.update)))::text as sums,
    max(e.edit_id) as newest
from quire.edit e
where e.org_id = $1::uuid
group by e.document_id
order by e.document_id
