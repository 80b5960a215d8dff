select pg_logical_emit_message(true, 'quire', $1::bytea)
