select
    relation::text as relation,
    is_right
from quire.open_relations()
