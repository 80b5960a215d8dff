select
    pg_try_advisory_xact_lock(hashtextextended('quire fold ' || $1::text || $2::text, 0))
    -- While an organisation moves both databases are compared.
    and not exists (select from quire.placement where org_id = $1::text::uuid and state <> 'here') as is_held
