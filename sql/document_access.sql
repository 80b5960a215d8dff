select
    member_role,
    role,
    permission
from quire.document_access
where org_id = $1
and document_id = $2
and account_id = $3
