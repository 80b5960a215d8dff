select pg_advisory_xact_lock_shared(quire.authority_lock($1::uuid))
