select 1
from quire.document_grant g
join quire.session s on s.account_id = g.account_id
where s.session_id = $1
and g.org_id = $2
and g.document_id = $3
for share of g
