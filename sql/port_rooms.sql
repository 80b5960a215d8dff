select org_id, document_id
from quire.document
where document_id operator(pg_catalog.=) any ($1)
