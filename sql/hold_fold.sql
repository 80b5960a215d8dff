select pg_try_advisory_xact_lock(hashtextextended('quire fold ' || $1::text || $2::text, 0)) as is_held
