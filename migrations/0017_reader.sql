-- Who reads with SQL is the operators' to say: no request does anything with quire.reader, so what runs as
-- quire_member neither reads nor writes it. quire migrate calls the function when all steps have run.

create or replace function quire.raise_wall() returns boolean language plpgsql as $$
declare
    t record;
    rule text;
begin
    begin
        if to_regrole('quire_member') is null then
            create role quire_member nologin;
        end if;
    exception
        when insufficient_privilege then return false;
        -- Another database of the cluster was first.
        when duplicate_object or unique_violation then null;
    end;
    begin
        if not quire.wall_stands() then
            execute format('grant quire_member to %I', session_user);
        end if;
    exception
        when insufficient_privilege or unique_violation then null;
    end;
    grant usage on schema quire to quire_member;
    revoke all on quire.reader from quire_member;
    for t in
        select c.oid, c.relname, c.relrowsecurity, c.relkind, exists (
            select 1
            from pg_attribute a
            where a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
        ) as has_org
        from pg_class c
        where c.relnamespace = 'quire'::regnamespace
        and c.relkind in ('r', 'p')
        and not c.relispartition
        -- Secrets, and what belongs to accounts and servers: nothing of it is asked for in an organisation.
        and c.relname not in ('session', 'password_reset', 'identity', 'oidc_sign_in', 'migration')
    loop
        if t.relname = 'login' then
            grant select (account_id, email) on quire.login to quire_member;
        elsif t.relname <> 'reader' then
            execute format('grant select, insert, update, delete on quire.%I to quire_member', t.relname);
        end if;
        -- Keys of requests belong to their account: the same key names one request in all organisations.
        if t.has_org and t.relname <> 'idempotency_key' and not t.relrowsecurity then
            rule := 'org_id = nullif(current_setting(''quire.org_id'', true), '''')::uuid';
            -- Signing in and out belongs to no organisation.
            if t.relname = 'audit' then
                rule := rule || ' or org_id is null';
            end if;
            execute format('create policy wall on quire.%I using (current_user <> ''quire_member'' or %s)', t.relname, rule);
            execute format('alter table quire.%I enable row level security', t.relname);
        end if;
    end loop;
    -- These views ask with the rights of whoever asks them, and so stand before the wall too.
    alter view quire.document_access set (security_invoker = true);
    alter view quire.folder_access set (security_invoker = true);
    grant select on quire.document_access, quire.folder_access to quire_member;
    return quire.wall_stands();
end
$$;
