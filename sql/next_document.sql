select
    n.org_id,
    n.document_id
from (
    (select org_id, document_id from quire.document where (org_id, document_id) > ($1::uuid, $2::uuid) order by org_id, document_id limit 1)
    union all
    (select org_id, document_id from quire.edit where (org_id, document_id) > ($1::uuid, $2::uuid) order by org_id, document_id limit 1)
    union all
    (select org_id, document_id from quire.peer where (org_id, document_id) > ($1::uuid, $2::uuid) order by org_id, document_id limit 1)
    union all
    (select org_id, document_id from quire.fold where (org_id, document_id) > ($1::uuid, $2::uuid) order by org_id, document_id limit 1)
    union all
    (select org_id, document_id from quire.snapshot where (org_id, document_id) > ($1::uuid, $2::uuid) order by org_id, document_id limit 1)
) n
order by n.org_id, n.document_id
limit 1
