-- The second wall between organisations. What a request does in an organisation it does as the role
-- quire_member, for which rows of other organisations do not exist: a statement that forgets to name
-- the organisation finds nothing. Servers of the version before go on working: for every other role
-- the policies let everything pass.

create function quire.wall_stands() returns boolean language sql stable as $$
    select coalesce(bool_and(
        pg_has_role(
            session_user, r.oid,
            case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end
        )
        and has_schema_privilege(r.oid, 'quire', 'usage')
    ), false)
    from pg_roles r
    where r.rolname = 'quire_member'
$$;
comment on function quire.wall_stands is 'Whether this connection can go behind the wall: the role quire_member is there, it may be taken, and it is let in here.';

create function quire.act_in(org_id uuid) returns void language sql as $$
    select set_config('quire.org_id', org_id::text, true);
    select set_config('role', 'quire_member', true) where quire.wall_stands();
$$;
comment on function quire.act_in is 'From here to its end the transaction sees one organisation only.';

create function quire.raise_wall() returns boolean language plpgsql as $$
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
        else
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
comment on function quire.raise_wall is 'Brings the wall up to the tables that are there; answers whether it stands. quire migrate calls it each time; call it yourself when the role quire_member was made later.';

select quire.raise_wall();
