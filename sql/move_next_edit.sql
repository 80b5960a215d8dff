select setval('quire.edit_edit_id_seq', greatest(nextval('quire.edit_edit_id_seq'), $1::bigint + 1))
