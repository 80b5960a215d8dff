-- People, groups, folders, grants and share links; sign-in by password; the record of who changed what.
-- Servers of the version before go on working: what they read keeps its columns.

-- Signing in. Secrets and mail addresses stand in tables of their own, which readers are not let at.
create table quire.login (
    account_id uuid primary key references quire.account,
    email text not null constraint login_email_unique unique
        constraint login_email_form check (email = lower(email) and email ~ '^[^@[:space:]]+@[^@[:space:]]+$' and length(email) <= 254),
    password_hash text not null,
    changed_at timestamptz not null default now()
);
comment on table quire.login is 'How an account signs in by itself: mail address and password. Accounts without a row come in by one-time links only.';
comment on column quire.login.account_id is 'The account.';
comment on column quire.login.email is 'Mail address, lower case.';
comment on column quire.login.password_hash is 'argon2id in PHC form, with its parameters and salt.';
comment on column quire.login.changed_at is 'When the password was set last.';

create table quire.password_reset (
    token_hash bytea primary key,
    account_id uuid not null references quire.account,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz
);
create index password_reset_account on quire.password_reset (account_id);
comment on table quire.password_reset is 'One-time links by which a forgotten password is set anew.';
comment on column quire.password_reset.token_hash is 'SHA-256 of the secret in the link.';
comment on column quire.password_reset.account_id is 'Whose password it sets.';
comment on column quire.password_reset.created_at is 'When it was asked for.';
comment on column quire.password_reset.expires_at is 'Until when it can be used.';
comment on column quire.password_reset.used_at is 'When it was used; null while it can be.';

create table quire.attempt (
    subject text primary key,
    failures integer not null,
    started_at timestamptz not null
);
comment on table quire.attempt is 'Failed sign-ins of late, shared by all servers: what limits the guessing of passwords.';
comment on column quire.attempt.subject is 'email: and the SHA-256 of a mail address, known or not; address: and a network address; link: and a share link.';
comment on column quire.attempt.failures is 'How many failed since started_at.';
comment on column quire.attempt.started_at is 'When the counting began; after its window it begins anew.';

alter table quire.session
    add column kind text not null default 'browser' constraint session_kind_known check (kind in ('browser', 'token')),
    add column name text not null default '' constraint session_name_length check (length(name) <= 100),
    add column scopes text[] constraint session_scopes_known check (scopes <@ array['read', 'write', 'admin']),
    add column address inet,
    add column last_seen_at timestamptz not null default now(),
    add column latest_end timestamptz;
create index session_expiry on quire.session (expires_at) where ended_at is null;
comment on column quire.session.kind is 'browser: somebody signed in; token: an API token.';
comment on column quire.session.name is 'What its owner calls an API token.';
comment on column quire.session.scopes is 'What an API token may do: read, write, admin; null: all that its account may.';
comment on column quire.session.address is 'The network address that it was started from.';
comment on column quire.session.last_seen_at is 'When it was used last, to some minutes.';
comment on column quire.session.latest_end is 'The end that use cannot put off; expires_at, which use puts off, is never later. Null: expires_at is the end.';

alter table quire.organisation
    add column default_role text not null default 'edit'
        constraint organisation_default_role_known check (default_role in ('none', 'view', 'comment', 'edit'));
comment on column quire.organisation.default_role is 'What members may do with a new document or folder that lies in no folder: none, view, comment, edit.';

create table quire.org_group (
    org_id uuid not null references quire.organisation,
    group_id uuid not null default gen_random_uuid(),
    name text not null constraint group_name_length check (length(name) between 1 and 100),
    created_at timestamptz not null default now(),
    primary key (org_id, group_id),
    constraint group_name_unique unique (org_id, name)
);
comment on table quire.org_group is 'A group of members, who are given rights together.';
comment on column quire.org_group.org_id is 'The organisation.';
comment on column quire.org_group.group_id is 'Identity of the group.';
comment on column quire.org_group.name is 'Its name, unique in the organisation. 1 to 100 characters.';
comment on column quire.org_group.created_at is 'When it was made.';

create table quire.org_group_member (
    org_id uuid not null,
    group_id uuid not null,
    account_id uuid not null,
    created_at timestamptz not null default now(),
    primary key (org_id, group_id, account_id),
    foreign key (org_id, group_id) references quire.org_group on delete cascade,
    foreign key (org_id, account_id) references quire.member on delete cascade
);
create index org_group_member_account on quire.org_group_member (org_id, account_id);
comment on table quire.org_group_member is 'Who is in which group.';
comment on column quire.org_group_member.org_id is 'The organisation.';
comment on column quire.org_group_member.group_id is 'The group.';
comment on column quire.org_group_member.account_id is 'The member.';
comment on column quire.org_group_member.created_at is 'When the account was added.';

create table quire.folder (
    org_id uuid not null references quire.organisation,
    folder_id uuid not null default gen_random_uuid(),
    parent_id uuid,
    name text not null constraint folder_name_length check (length(name) between 1 and 200),
    path uuid[] not null constraint folder_depth check (cardinality(path) between 1 and 20),
    created_by uuid not null references quire.account,
    created_at timestamptz not null default now(),
    primary key (org_id, folder_id),
    foreign key (org_id, parent_id) references quire.folder
);
create index folder_path on quire.folder using gin (path);
create index folder_parent on quire.folder (org_id, parent_id);
comment on table quire.folder is 'A folder of documents and folders. What is granted on it holds for all that lies in it.';
comment on column quire.folder.org_id is 'The organisation.';
comment on column quire.folder.folder_id is 'Identity of the folder.';
comment on column quire.folder.parent_id is 'The folder that it lies in; null: none.';
comment on column quire.folder.name is 'Its name, 1 to 200 characters.';
comment on column quire.folder.path is 'The folders from the outermost down to this one, itself included; kept by a trigger. At most 20.';
comment on column quire.folder.created_by is 'Who made it.';
comment on column quire.folder.created_at is 'When it was made.';

alter table quire.document
    add column folder_id uuid,
    add column owner_id uuid references quire.account,
    add constraint document_folder foreign key (org_id, folder_id) references quire.folder;
update quire.document set owner_id = created_by;
create index document_folder on quire.document (org_id, folder_id) where folder_id is not null;
create index document_owner on quire.document (org_id, owner_id);
comment on column quire.document.folder_id is 'The folder that it lies in; null: none.';
comment on column quire.document.owner_id is 'Who owns it: at first the account that made it.';

create table quire.access_grant (
    org_id uuid not null,
    grant_id uuid not null default gen_random_uuid(),
    document_id uuid,
    folder_id uuid,
    account_id uuid references quire.account,
    group_id uuid,
    everyone boolean not null default false,
    role text not null constraint grant_role_known check (role in ('view', 'comment', 'edit')),
    created_by uuid references quire.account,
    created_at timestamptz not null default now(),
    primary key (org_id, grant_id),
    foreign key (org_id, document_id) references quire.document,
    foreign key (org_id, folder_id) references quire.folder on delete cascade,
    foreign key (org_id, group_id) references quire.org_group on delete cascade,
    constraint grant_has_one_object check (num_nonnulls(document_id, folder_id) = 1),
    constraint grant_has_one_subject check (num_nonnulls(account_id, group_id) + everyone::integer = 1),
    constraint grant_once unique nulls not distinct (org_id, document_id, folder_id, account_id, group_id)
);
create index grant_folder on quire.access_grant (org_id, folder_id) where folder_id is not null;
create index grant_account on quire.access_grant (org_id, account_id) where account_id is not null;
create index grant_group on quire.access_grant (org_id, group_id) where group_id is not null;
comment on table quire.access_grant is 'What a member, a group or all members but guests may do with a document or a folder.';
comment on column quire.access_grant.org_id is 'The organisation.';
comment on column quire.access_grant.grant_id is 'Identity of the grant.';
comment on column quire.access_grant.document_id is 'The document; null: it is on a folder.';
comment on column quire.access_grant.folder_id is 'The folder; null: it is on a document.';
comment on column quire.access_grant.account_id is 'The member that may; null: a group, or everyone.';
comment on column quire.access_grant.group_id is 'The group that may; null: a member, or everyone.';
comment on column quire.access_grant.everyone is 'Every member who is not a guest may.';
comment on column quire.access_grant.role is 'view, comment or edit.';
comment on column quire.access_grant.created_by is 'Who granted it; null: the default of the organisation.';
comment on column quire.access_grant.created_at is 'When it was granted.';

insert into quire.access_grant (org_id, document_id, account_id, role, created_at)
select org_id, document_id, account_id, role, created_at
from quire.document_grant;
insert into quire.access_grant (org_id, document_id, everyone, role)
select org_id, document_id, true, 'edit'
from quire.document;

create table quire.share_link (
    org_id uuid not null,
    link_id uuid not null default gen_random_uuid(),
    document_id uuid,
    folder_id uuid,
    token_hash bytea not null constraint share_link_token_hash_unique unique,
    password_hash text,
    role text not null constraint share_link_role_known check (role in ('view', 'comment', 'edit')),
    created_by uuid not null references quire.account,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    primary key (org_id, link_id),
    foreign key (org_id, document_id) references quire.document,
    foreign key (org_id, folder_id) references quire.folder on delete cascade,
    constraint share_link_has_one_object check (num_nonnulls(document_id, folder_id) = 1)
);
create index share_link_document on quire.share_link (org_id, document_id);
create index share_link_folder on quire.share_link (org_id, folder_id);
create index share_link_expiry on quire.share_link (expires_at) where revoked_at is null;
comment on table quire.share_link is 'A link that lets whoever has it at a document or a folder.';
comment on column quire.share_link.org_id is 'The organisation.';
comment on column quire.share_link.link_id is 'Identity of the link.';
comment on column quire.share_link.document_id is 'The document; null: it leads to a folder.';
comment on column quire.share_link.folder_id is 'The folder; null: it leads to a document.';
comment on column quire.share_link.token_hash is 'SHA-256 of the secret in the link.';
comment on column quire.share_link.password_hash is 'argon2id of the password that is asked for; null: none is.';
comment on column quire.share_link.role is 'view, comment or edit.';
comment on column quire.share_link.created_by is 'Who made it.';
comment on column quire.share_link.created_at is 'When it was made.';
comment on column quire.share_link.expires_at is 'Until when it works; null: until it is revoked.';
comment on column quire.share_link.revoked_at is 'Since when it does not work any more.';

create table quire.share_link_visit (
    org_id uuid not null,
    link_id uuid not null,
    account_id uuid not null references quire.account,
    opened_at timestamptz not null default now(),
    primary key (org_id, link_id, account_id),
    foreign key (org_id, link_id) references quire.share_link on delete cascade
);
create index share_link_visit_account on quire.share_link_visit (org_id, account_id);
comment on table quire.share_link_visit is 'Who came in by which share link, and is let in as long as it works.';
comment on column quire.share_link_visit.org_id is 'The organisation.';
comment on column quire.share_link_visit.link_id is 'The link.';
comment on column quire.share_link_visit.account_id is 'Who opened it.';
comment on column quire.share_link_visit.opened_at is 'When it was first opened.';

create table quire.audit (
    audit_id bigint generated always as identity primary key,
    created_at timestamptz not null default clock_timestamp(),
    action text not null,
    org_id uuid,
    actor_id uuid,
    session_id uuid,
    address inet,
    database_role text not null default session_user,
    account_id uuid,
    document_id uuid,
    folder_id uuid,
    detail jsonb not null default '{}'
);
create index audit_org on quire.audit (org_id, audit_id);
create index audit_actor on quire.audit (actor_id, audit_id);
comment on table quire.audit is 'Every change of rights, every sign-in and every refusal, insert only. Changes of rights are noted by triggers: also those made with SQL.';
comment on column quire.audit.audit_id is 'Identity of the entry.';
comment on column quire.audit.created_at is 'When (clock of the database).';
comment on column quire.audit.action is 'What was done: session_started, session_ended, sign_in_refused, member_added, grant_removed and so on.';
comment on column quire.audit.org_id is 'The organisation that it concerns, if one.';
comment on column quire.audit.actor_id is 'Who did it; null: nobody signed in, or somebody with SQL (see database_role).';
comment on column quire.audit.session_id is 'The session in which it was done.';
comment on column quire.audit.address is 'From which network address.';
comment on column quire.audit.database_role is 'The Postgres role that wrote the entry.';
comment on column quire.audit.account_id is 'The account that it was done to.';
comment on column quire.audit.document_id is 'The document that it was done to.';
comment on column quire.audit.folder_id is 'The folder that it was done to.';
comment on column quire.audit.detail is 'What else there is to say: role, former role, name. Never a secret.';

create function quire.instant(at timestamptz) returns text language sql immutable parallel safe as $$
    select to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;
comment on function quire.instant is 'A time as the API writes it: RFC 3339, UTC, milliseconds.';

create function quire.note(
    action text, org_id uuid, account_id uuid, document_id uuid, folder_id uuid, detail jsonb
) returns void language sql as $$
    insert into quire.audit (action, org_id, actor_id, session_id, address, account_id, document_id, folder_id, detail)
    values (
        action, org_id,
        nullif(current_setting('quire.account_id', true), '')::uuid,
        nullif(current_setting('quire.session_id', true), '')::uuid,
        nullif(current_setting('quire.address', true), '')::inet,
        account_id, document_id, folder_id, jsonb_strip_nulls(detail)
    )
$$;
comment on function quire.note is 'Writes an entry of quire.audit. Who does it is set for the transaction: quire.account_id, quire.session_id, quire.address.';

-- One lock an organisation settles the order of leases and revocations: whoever takes a lease holds
-- it shared, whoever takes a right away holds it alone. So a lease is either there for the
-- revocation to clear, or taken after it and sees it.
create function quire.authority_lock(org_id uuid) returns bigint language sql immutable as $$
    select hashtextextended(org_id::text, 7)
$$;
comment on function quire.authority_lock is 'The advisory lock that settles the order of leases and revocations in an organisation.';

create function quire.rights_changed(
    org uuid, document uuid, folder uuid, account uuid, is_less boolean
) returns void language plpgsql as $$
begin
    if is_less then
        perform pg_advisory_xact_lock(quire.authority_lock(org));
        update quire.peer p
        set lease_id = null
        where p.org_id = org
        and p.lease_id is not null
        and (document is null or p.document_id = document)
        and (account is null or p.account_id = account)
        and (
            folder is null
            or p.document_id in (
                select d.document_id
                from quire.document d
                join quire.folder f on f.org_id = d.org_id and f.folder_id = d.folder_id
                where d.org_id = org and folder = any (f.path)
            )
        );
    end if;
    insert into quire.event (kind, org_id, document_id, account_id)
    values ('grant_changed', org, document, account);
end
$$;
comment on function quire.rights_changed is 'Tells servers through the log whose rights changed, and takes leases away when there are less. Null document, folder or account: all of them.';

create or replace function quire.session_ended() returns trigger language plpgsql as $$
begin
    insert into quire.event (kind, account_id, session_id)
    values ('session_ended', old.account_id, old.session_id);
    update quire.peer set lease_id = null where session_id = old.session_id and lease_id is not null;
    perform quire.note(
        'session_ended', null, old.account_id, null, null,
        jsonb_build_object('session_id', old.session_id, 'kind', old.kind)
    );
    return null;
end
$$;

create function quire.session_started() returns trigger language plpgsql as $$
begin
    perform quire.note(
        'session_started', null, new.account_id, null, null,
        jsonb_build_object('session_id', new.session_id, 'kind', new.kind, 'scopes', new.scopes)
    );
    return null;
end
$$;
comment on function quire.session_started is 'Trigger: somebody signed in, or an API token was made.';
create trigger session_started after insert on quire.session
for each row execute function quire.session_started();

create or replace function quire.member_changed() returns trigger language plpgsql as $$
declare
    org uuid := coalesce(new.org_id, old.org_id);
    account uuid := coalesce(new.account_id, old.account_id);
begin
    if tg_op <> 'INSERT' then
        perform pg_advisory_xact_lock(quire.authority_lock(org));
        update quire.peer set lease_id = null
        where org_id = org and account_id = account and lease_id is not null;
    end if;
    if tg_op = 'DELETE' then
        delete from quire.access_grant g where g.org_id = org and g.account_id = account;
        delete from quire.share_link_visit v where v.org_id = org and v.account_id = account;
    end if;
    insert into quire.event (kind, org_id, account_id) values ('member_changed', org, account);
    perform quire.note(
        case tg_op when 'INSERT' then 'member_added' when 'UPDATE' then 'member_changed' else 'member_removed' end,
        org, account, null, null, jsonb_build_object('role', new.role, 'former_role', old.role)
    );
    return null;
end
$$;

create function quire.access_grant_changed() returns trigger language plpgsql as $$
declare
    g quire.access_grant := coalesce(new, old);
begin
    -- A group's members are found by their servers: all who read the document join again.
    perform quire.rights_changed(g.org_id, g.document_id, g.folder_id, g.account_id, tg_op <> 'INSERT');
    perform quire.note(
        case tg_op when 'INSERT' then 'grant_added' when 'UPDATE' then 'grant_changed' else 'grant_removed' end,
        g.org_id, g.account_id, g.document_id, g.folder_id,
        jsonb_build_object(
            'role', new.role, 'former_role', old.role, 'group_id', g.group_id,
            'everyone', case when g.everyone then true end
        )
    );
    return null;
end
$$;
comment on function quire.access_grant_changed is 'Trigger: a grant was given, changed or taken back.';
create trigger access_grant_changed after insert or update or delete on quire.access_grant
for each row execute function quire.access_grant_changed();

create function quire.share_link_changed() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' then
        -- With another password, those who knew the former one are asked again.
        if new.password_hash is distinct from old.password_hash then
            delete from quire.share_link_visit where org_id = new.org_id and link_id = new.link_id;
        end if;
        perform quire.rights_changed(new.org_id, new.document_id, new.folder_id, null, true);
    end if;
    perform quire.note(
        case
            when tg_op = 'INSERT' then 'share_link_added'
            when new.revoked_at is not null and old.revoked_at is null then 'share_link_revoked'
            else 'share_link_changed'
        end,
        new.org_id, null, new.document_id, new.folder_id,
        jsonb_build_object('link_id', new.link_id, 'role', new.role, 'expires_at', new.expires_at)
    );
    return null;
end
$$;
comment on function quire.share_link_changed is 'Trigger: a share link was made, changed or revoked.';
create trigger share_link_changed after insert or update on quire.share_link
for each row execute function quire.share_link_changed();

create function quire.share_link_opened() returns trigger language plpgsql as $$
begin
    perform quire.note(
        'share_link_opened', new.org_id, new.account_id, l.document_id, l.folder_id,
        jsonb_build_object('link_id', new.link_id)
    )
    from quire.share_link l
    where l.org_id = new.org_id and l.link_id = new.link_id;
    return null;
end
$$;
comment on function quire.share_link_opened is 'Trigger: somebody came in by a share link.';
create trigger share_link_opened after insert on quire.share_link_visit
for each row execute function quire.share_link_opened();

create function quire.group_changed() returns trigger language plpgsql as $$
declare
    org uuid := coalesce(new.org_id, old.org_id);
    account uuid := coalesce(new.account_id, old.account_id);
begin
    perform quire.rights_changed(org, null, null, account, tg_op = 'DELETE');
    perform quire.note(
        case tg_op when 'INSERT' then 'group_member_added' else 'group_member_removed' end,
        org, account, null, null, jsonb_build_object('group_id', coalesce(new.group_id, old.group_id))
    );
    return null;
end
$$;
comment on function quire.group_changed is 'Trigger: a member was added to a group or left it.';
create trigger group_changed after insert or delete on quire.org_group_member
for each row execute function quire.group_changed();

create function quire.folder_placed() returns trigger language plpgsql as $$
declare
    above uuid[] := '{}';
begin
    -- Two folders that are moved into each other at once would make a ring.
    perform pg_advisory_xact_lock(quire.authority_lock(new.org_id));
    if new.parent_id is not null then
        select path into above from quire.folder where org_id = new.org_id and folder_id = new.parent_id;
        if new.folder_id = any (above) then
            raise exception 'a folder cannot lie in itself'
                using errcode = 'check_violation', constraint = 'folder_not_in_itself';
        end if;
    end if;
    new.path := coalesce(above, '{}') || new.folder_id;
    return new;
end
$$;
comment on function quire.folder_placed is 'Trigger: a folder is made or moved; keeps its path.';
create trigger folder_placed before insert or update of parent_id on quire.folder
for each row execute function quire.folder_placed();

create function quire.folder_moved() returns trigger language plpgsql as $$
begin
    update quire.folder f
    set path = new.path || f.path[cardinality(old.path) + 1:]
    where f.org_id = new.org_id
    and f.folder_id <> new.folder_id
    and f.path @> array[new.folder_id];
    perform quire.rights_changed(new.org_id, null, new.folder_id, null, true);
    perform quire.note(
        'folder_moved', new.org_id, null, null, new.folder_id,
        jsonb_build_object('parent_id', new.parent_id, 'former_parent_id', old.parent_id)
    );
    return null;
end
$$;
comment on function quire.folder_moved is 'Trigger: a folder was moved, and with it all that lies in it.';
create trigger folder_moved after update of parent_id on quire.folder
for each row when (old.parent_id is distinct from new.parent_id) execute function quire.folder_moved();

create function quire.folder_made() returns trigger language plpgsql as $$
begin
    insert into quire.access_grant (org_id, folder_id, everyone, role)
    select new.org_id, new.folder_id, true, o.default_role
    from quire.organisation o
    where o.org_id = new.org_id and o.default_role <> 'none';
    return null;
end
$$;
comment on function quire.folder_made is 'Trigger: a folder that lies in none gets the organisation''s default.';
create trigger folder_made after insert on quire.folder
for each row when (new.parent_id is null) execute function quire.folder_made();

create function quire.document_owned() returns trigger language plpgsql as $$
begin
    new.owner_id := coalesce(new.owner_id, new.created_by);
    return new;
end
$$;
comment on function quire.document_owned is 'Trigger: a new document belongs to whoever made it.';
create trigger document_owned before insert on quire.document
for each row execute function quire.document_owned();

create or replace function quire.document_changed() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into quire.event (kind, org_id, document_id, detail)
        values ('document_created', new.org_id, new.document_id, jsonb_build_object('title', new.title));
        if new.folder_id is null then
            insert into quire.access_grant (org_id, document_id, everyone, role)
            select new.org_id, new.document_id, true, o.default_role
            from quire.organisation o
            where o.org_id = new.org_id and o.default_role <> 'none';
        end if;
        return null;
    end if;
    if new.title is distinct from old.title then
        insert into quire.event (kind, org_id, document_id, detail)
        values ('document_renamed', new.org_id, new.document_id, jsonb_build_object('title', new.title));
    end if;
    if new.deleted_at is not null and old.deleted_at is null then
        perform pg_advisory_xact_lock(quire.authority_lock(new.org_id));
        insert into quire.event (kind, org_id, document_id) values ('document_deleted', new.org_id, new.document_id);
        update quire.peer set lease_id = null
        where org_id = new.org_id and document_id = new.document_id and lease_id is not null;
        perform quire.note('document_deleted', new.org_id, null, new.document_id, null, '{}');
    elsif new.deleted_at is null and old.deleted_at is not null then
        insert into quire.event (kind, org_id, document_id) values ('document_restored', new.org_id, new.document_id);
        perform quire.note('document_restored', new.org_id, null, new.document_id, null, '{}');
    end if;
    if new.folder_id is distinct from old.folder_id then
        perform quire.rights_changed(new.org_id, new.document_id, null, null, true);
        perform quire.note(
            'document_moved', new.org_id, null, new.document_id, new.folder_id,
            jsonb_build_object('former_folder_id', old.folder_id)
        );
    end if;
    if new.owner_id is distinct from old.owner_id then
        perform quire.rights_changed(new.org_id, new.document_id, null, old.owner_id, true);
        perform quire.note(
            'document_transferred', new.org_id, new.owner_id, new.document_id, null,
            jsonb_build_object('former_owner_id', old.owner_id)
        );
    end if;
    return null;
end
$$;

create function quire.role_level(role text) returns integer language sql immutable parallel safe as $$
    select case role when 'view' then 1 when 'comment' then 2 when 'edit' then 3 end
$$;
comment on function quire.role_level is 'view 1, comment 2, edit 3: the higher right holds when several are granted.';

create or replace view quire.document_access as
select
    d.org_id,
    d.document_id,
    a.account_id,
    coalesce(m.role, 'visitor') as member_role,
    (array['view', 'comment', 'edit'])[r.level] as role,
    case
        when d.deleted_at is not null then 'none'
        when r.level = 3 then 'write'
        else 'read'
    end as permission,
    r.level = 3 and m.role in ('owner', 'admin', 'member') as may_manage,
    m.role in ('owner', 'admin') or (m.role is not null and d.owner_id = a.account_id) as may_transfer
from quire.document d
cross join quire.account a
left join quire.member m on m.org_id = d.org_id and m.account_id = a.account_id
left join quire.folder f on f.org_id = d.org_id and f.folder_id = d.folder_id
cross join lateral (
    select max(given.level) as level
    from (
        select 3 as level
        where m.role in ('owner', 'admin')
        or (m.role is not null and d.owner_id = a.account_id)
        union all
        select quire.role_level(g.role)
        from quire.access_grant g
        where g.org_id = d.org_id
        and (g.document_id = d.document_id or g.folder_id = any (f.path))
        and m.role is not null
        and (
            g.account_id = a.account_id
            or (g.everyone and m.role <> 'guest')
            or exists (
                select 1
                from quire.org_group_member i
                where i.org_id = g.org_id and i.group_id = g.group_id and i.account_id = a.account_id
            )
        )
        union all
        select quire.role_level(l.role)
        from quire.share_link_visit v
        join quire.share_link l on l.org_id = v.org_id and l.link_id = v.link_id
        where v.org_id = d.org_id
        and v.account_id = a.account_id
        and (l.document_id = d.document_id or l.folder_id = any (f.path))
        and l.revoked_at is null
        and (l.expires_at is null or l.expires_at > now())
    ) given
) r
where r.level is not null;
comment on column quire.document_access.member_role is 'The role in the organisation: owner, admin, member or guest; visitor: no member, came by a share link.';
comment on column quire.document_access.role is 'view, comment or edit: what the account may do when the document is not in the bin.';
comment on column quire.document_access.may_manage is 'Whether the account may share the document, move it to the bin and back.';
comment on column quire.document_access.may_transfer is 'Whether the account may give the document to another owner.';

create view quire.folder_access as
select
    f.org_id,
    f.folder_id,
    a.account_id,
    coalesce(m.role, 'visitor') as member_role,
    (array['view', 'comment', 'edit'])[r.level] as role,
    coalesce(r.level = 3 and m.role in ('owner', 'admin', 'member'), false) as may_manage
from quire.folder f
cross join quire.account a
left join quire.member m on m.org_id = f.org_id and m.account_id = a.account_id
cross join lateral (
    select max(given.level) as level
    from (
        select 3 as level
        where m.role in ('owner', 'admin')
        or (m.role is not null and f.created_by = a.account_id)
        union all
        select quire.role_level(g.role)
        from quire.access_grant g
        where g.org_id = f.org_id
        and g.folder_id = any (f.path)
        and m.role is not null
        and (
            g.account_id = a.account_id
            or (g.everyone and m.role <> 'guest')
            or exists (
                select 1
                from quire.org_group_member i
                where i.org_id = g.org_id and i.group_id = g.group_id and i.account_id = a.account_id
            )
        )
        union all
        select quire.role_level(l.role)
        from quire.share_link_visit v
        join quire.share_link l on l.org_id = v.org_id and l.link_id = v.link_id
        where v.org_id = f.org_id
        and v.account_id = a.account_id
        and l.folder_id = any (f.path)
        and l.revoked_at is null
        and (l.expires_at is null or l.expires_at > now())
    ) given
) r
where r.level is not null;
comment on view quire.folder_access is 'One row for every account and folder that it may know of.';
comment on column quire.folder_access.org_id is 'The organisation of the folder.';
comment on column quire.folder_access.folder_id is 'The folder.';
comment on column quire.folder_access.account_id is 'Who may.';
comment on column quire.folder_access.member_role is 'The role in the organisation: owner, admin, member or guest; visitor: no member, came by a share link.';
comment on column quire.folder_access.role is 'view, comment or edit: what the account may do with what lies in the folder.';
comment on column quire.folder_access.may_manage is 'Whether the account may share the folder and make, name and move folders and documents in it.';

-- The table of before as a view, for servers of the version before.
drop table quire.document_grant;
create view quire.document_grant as
select org_id, document_id, account_id, role, created_at
from quire.access_grant
where document_id is not null
and account_id is not null;
comment on view quire.document_grant is 'Grants of single members on single documents; part of quire.access_grant.';
comment on column quire.document_grant.org_id is 'The organisation of the document.';
comment on column quire.document_grant.document_id is 'The document.';
comment on column quire.document_grant.account_id is 'Who may.';
comment on column quire.document_grant.role is 'view, comment or edit.';
comment on column quire.document_grant.created_at is 'When it was granted.';
drop function quire.grant_changed();

-- What ends by itself ends in the log too, so that every server acts on it.
create function quire.end_expired() returns integer language plpgsql as $$
declare
    sessions integer;
    links integer;
begin
    update quire.session
    set ended_at = expires_at
    where session_id in (
        select session_id from quire.session
        where ended_at is null and expires_at <= now()
        limit 1000 for update skip locked
    );
    get diagnostics sessions = row_count;
    update quire.share_link
    set revoked_at = expires_at
    where (org_id, link_id) in (
        select org_id, link_id from quire.share_link
        where revoked_at is null and expires_at <= now()
        limit 1000 for update skip locked
    );
    get diagnostics links = row_count;
    return sessions + links;
end
$$;
comment on function quire.end_expired is 'Ends sessions and share links whose time is over, at most 1,000 of each; answers how many. Servers call it every few seconds.';
