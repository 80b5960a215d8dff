select pg_advisory_xact_lock(quire.authority_lock($1::uuid))
