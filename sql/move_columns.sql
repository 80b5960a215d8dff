select a.attname::text as name
from pg_attribute a
where a.attrelid = ('quire.' || quote_ident($1::text))::regclass
and a.attnum > 0
and not a.attisdropped
and a.attgenerated = ''
order by a.attname
