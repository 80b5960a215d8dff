select pg_advisory_xact_lock(hashtextextended('put back ' || $1::uuid || $2::uuid, 0))
