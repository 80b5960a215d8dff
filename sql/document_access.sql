select
    role,
    permission,
    coalesce(may_manage, false) as may_manage,
    coalesce(may_transfer, false) as may_transfer
from quire.document_access
where org_id = $1
and document_id = $2
and account_id = $3
