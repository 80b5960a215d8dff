select
    account_id,
    permission
from quire.document_access
where org_id = $1::uuid
and document_id = $2::uuid
and account_id = any($3::uuid[])
