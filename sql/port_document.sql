select org_id, pg_catalog.convert_to(title, 'UTF8') as title
from quire.document
where document_id operator(pg_catalog.=) $1
