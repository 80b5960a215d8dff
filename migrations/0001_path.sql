-- The tables of the path: organisations and people, documents, edits, and the log of authority.
-- A migration that has run is never edited; see migrations/README.md.

create schema if not exists quire;
comment on schema quire is 'Quire: every edit of every document is a row of quire.edit; quire.edit_log is the view to read first.';

create table quire.account (
    account_id uuid primary key,
    name text not null constraint account_name_length check (length(name) between 1 and 100),
    color text not null constraint account_color_hex check (color ~ '^#[0-9a-f]{6}$'),
    created_at timestamptz not null default now()
);
comment on table quire.account is 'A person, or the server itself (quire.setting names that one).';
comment on column quire.account.account_id is 'Identity of the account.';
comment on column quire.account.name is 'Display name, shown at cursors and in the edit log. 1 to 100 characters.';
comment on column quire.account.color is 'Colour of the cursor, #rrggbb.';
comment on column quire.account.created_at is 'When the account was made (clock of the database).';

create table quire.session (
    session_id uuid primary key,
    account_id uuid not null references quire.account,
    token_hash bytea not null constraint session_token_hash_unique unique,
    user_agent text not null default '',
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    ended_at timestamptz
);
create index session_account on quire.session (account_id);
comment on table quire.session is 'A signed-in browser or program. Ending it (ended_at) closes its sockets on every server and the database refuses its later edits.';
comment on column quire.session.session_id is 'Identity of the session; edits name it.';
comment on column quire.session.account_id is 'Whose session it is.';
comment on column quire.session.token_hash is 'SHA-256 of the secret that the client holds. The secret itself is stored nowhere.';
comment on column quire.session.user_agent is 'What the client called itself at sign-in, cut to 200 characters.';
comment on column quire.session.created_at is 'When it began.';
comment on column quire.session.expires_at is 'When it ends by itself.';
comment on column quire.session.ended_at is 'When it was ended by sign-out or revocation; null while it lives.';

create table quire.organisation (
    org_id uuid primary key,
    name text not null constraint organisation_name_length check (length(name) between 1 and 200),
    created_at timestamptz not null default now()
);
comment on table quire.organisation is 'Documents belong to an organisation; every key on document data begins with its org_id.';
comment on column quire.organisation.org_id is 'Identity of the organisation.';
comment on column quire.organisation.name is 'Its name.';
comment on column quire.organisation.created_at is 'When it was made.';

create table quire.member (
    org_id uuid not null references quire.organisation,
    account_id uuid not null references quire.account,
    role text not null constraint member_role_known check (role in ('owner', 'admin', 'member', 'guest')),
    created_at timestamptz not null default now(),
    primary key (org_id, account_id)
);
create index member_account on quire.member (account_id);
comment on table quire.member is 'Who belongs to which organisation. Owners, admins and members may edit its documents; guests need a grant.';
comment on column quire.member.org_id is 'The organisation.';
comment on column quire.member.account_id is 'The account.';
comment on column quire.member.role is 'owner, admin, member or guest.';
comment on column quire.member.created_at is 'When the account joined.';

create table quire.document (
    org_id uuid not null references quire.organisation,
    document_id uuid not null,
    title text not null constraint document_title_length check (length(title) between 1 and 300),
    created_by uuid not null references quire.account,
    created_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (org_id, document_id)
);
comment on table quire.document is 'A document. Its content is the fold of its rows in quire.edit.';
comment on column quire.document.org_id is 'The organisation that it belongs to.';
comment on column quire.document.document_id is 'Identity of the document.';
comment on column quire.document.title is 'Its title, 1 to 300 characters.';
comment on column quire.document.created_by is 'The account that made it.';
comment on column quire.document.created_at is 'When it was made.';
comment on column quire.document.deleted_at is 'When it was moved to the bin; null while it is not there. In the bin it cannot be edited.';

create table quire.document_grant (
    org_id uuid not null,
    document_id uuid not null,
    account_id uuid not null references quire.account,
    role text not null constraint document_grant_role_known check (role in ('view', 'edit')),
    created_at timestamptz not null default now(),
    primary key (org_id, document_id, account_id),
    foreign key (org_id, document_id) references quire.document
);
comment on table quire.document_grant is 'What a guest may do with one document.';
comment on column quire.document_grant.org_id is 'The organisation of the document.';
comment on column quire.document_grant.document_id is 'The document.';
comment on column quire.document_grant.account_id is 'Who may.';
comment on column quire.document_grant.role is 'view or edit.';
comment on column quire.document_grant.created_at is 'When it was granted.';

create table quire.invitation (
    token_hash bytea primary key,
    org_id uuid not null references quire.organisation,
    document_id uuid,
    account_id uuid references quire.account,
    role text not null constraint invitation_role_known check (role in ('owner', 'admin', 'member', 'guest')),
    created_by uuid references quire.account,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    used_by uuid references quire.account
);
comment on table quire.invitation is 'One-time links: the welcome link of a new installation, and invitations.';
comment on column quire.invitation.token_hash is 'SHA-256 of the secret in the link.';
comment on column quire.invitation.org_id is 'The organisation that the link leads into.';
comment on column quire.invitation.document_id is 'The document that it opens first, if any.';
comment on column quire.invitation.account_id is 'The account that it signs in; null: a new account is made.';
comment on column quire.invitation.role is 'The role that a new account gets.';
comment on column quire.invitation.created_by is 'Who invited; null: the server itself.';
comment on column quire.invitation.created_at is 'When the link was made.';
comment on column quire.invitation.expires_at is 'Until when it can be used.';
comment on column quire.invitation.used_at is 'When it was used; null while it can be.';
comment on column quire.invitation.used_by is 'The account that used it.';

-- Leased peers. Only the client that holds the lease writes this row, so nobody else waits for it;
-- the low fillfactor keeps nearly every update on its page (HOT). Not published.
create table quire.peer (
    org_id uuid not null,
    document_id uuid not null,
    peer_id bigint not null,
    account_id uuid not null,
    device text not null default '',
    session_id uuid,
    lease_id uuid,
    next_counter integer not null default 0,
    created_at timestamptz not null default now(),
    primary key (org_id, document_id, peer_id)
) with (fillfactor = 50);
create index peer_account on quire.peer (org_id, account_id, document_id, device);
create index peer_session on quire.peer (session_id) where lease_id is not null;
comment on table quire.peer is 'Which account owns a Loro peer id of a document, and how far it has written. The fence of every commit: a revocation takes the lease away from the row, so a commit that comes later changes nothing.';
comment on column quire.peer.org_id is 'The organisation of the document.';
comment on column quire.peer.document_id is 'The document.';
comment on column quire.peer.peer_id is 'The Loro peer id: its 64 bits read as a signed number.';
comment on column quire.peer.account_id is 'Who owns it, for ever.';
comment on column quire.peer.device is 'The device that used it last, as the client named it; that device is offered it again.';
comment on column quire.peer.session_id is 'The session under which it was last leased.';
comment on column quire.peer.lease_id is 'The connection that may write with it now; null: nobody, until somebody joins again.';
comment on column quire.peer.next_counter is 'The Loro counter at which its next edit must start.';
comment on column quire.peer.created_at is 'When it was first used.';

create table quire.edit (
    org_id uuid not null,
    document_id uuid not null,
    xid xid8 not null default pg_current_xact_id(),
    edit_id bigint not null generated always as identity,
    account_id uuid not null,
    session_id uuid,
    peer_id bigint not null,
    counter_start integer not null,
    counter_end integer not null,
    inserted integer not null,
    deleted integer not null,
    created_at timestamptz not null default clock_timestamp(),
    update bytea not null,
    primary key (org_id, document_id, xid, edit_id)
) partition by hash (org_id);
comment on table quire.edit is 'Every edit ever made, insert only. The order of edits is the order of their commits in the log, not of edit_id.';
comment on column quire.edit.org_id is 'The organisation of the document.';
comment on column quire.edit.document_id is 'The document.';
comment on column quire.edit.xid is 'The transaction that wrote the row; with a snapshot''s pg_snapshot it says whether the snapshot contains the row.';
comment on column quire.edit.edit_id is 'Identity of the edit. A lower one may have committed later.';
comment on column quire.edit.account_id is 'The author, as the server knows it.';
comment on column quire.edit.session_id is 'The session that sent it; null: the server itself (the seed of a new document).';
comment on column quire.edit.peer_id is 'The Loro peer id that made the operations.';
comment on column quire.edit.counter_start is 'Loro counter of the first operation.';
comment on column quire.edit.counter_end is 'Loro counter after the last operation.';
comment on column quire.edit.inserted is 'Characters inserted.';
comment on column quire.edit.deleted is 'Characters deleted.';
comment on column quire.edit.created_at is 'When the row was written (clock of the database).';
comment on column quire.edit.update is 'The operations, in Loro''s binary form.';

do $$
begin
    for i in 0..15 loop
        execute format(
            'create table quire.edit_%s partition of quire.edit for values with (modulus 16, remainder %s)',
            i, i
        );
        execute format('comment on table quire.edit_%s is ''Part of quire.edit; read quire.edit.''', i);
        -- Updates are Loro's own compact encoding: trying to compress them again costs and saves nothing.
        execute format('alter table quire.edit_%s alter column update set storage external', i);
    end loop;
end
$$;

create table quire.snapshot (
    org_id uuid not null,
    document_id uuid not null,
    seen pg_snapshot not null,
    system_identifier bigint not null,
    bytes integer not null,
    snapshot bytea not null,
    created_at timestamptz not null default now(),
    primary key (org_id, document_id)
);
alter table quire.snapshot alter column snapshot set storage external;
comment on table quire.snapshot is 'A derived fold of a document''s edits; may be deleted at any time, then the document is rebuilt from its edits.';
comment on column quire.snapshot.org_id is 'The organisation of the document.';
comment on column quire.snapshot.document_id is 'The document.';
comment on column quire.snapshot.seen is 'Every edit visible to this pg_snapshot is in the fold; edits with xid >= pg_snapshot_xmin(seen) are applied on top.';
comment on column quire.snapshot.system_identifier is 'The database cluster whose transaction numbers seen speaks of; elsewhere the snapshot counts as having seen nothing.';
comment on column quire.snapshot.bytes is 'Length of the fold in bytes.';
comment on column quire.snapshot.snapshot is 'The fold, in Loro''s binary form.';
comment on column quire.snapshot.created_at is 'When it was folded.';

create table quire.event (
    event_id bigint generated always as identity primary key,
    kind text not null,
    org_id uuid,
    document_id uuid,
    account_id uuid,
    session_id uuid,
    detail jsonb not null default '{}',
    created_at timestamptz not null default clock_timestamp()
);
comment on table quire.event is 'Changes of authority and of documents, insert only, written by triggers in the same transaction as the change; servers act on them in the order of the log.';
comment on column quire.event.event_id is 'Identity of the event.';
comment on column quire.event.kind is 'session_ended, member_changed, grant_changed, document_created, document_renamed, document_deleted, document_restored.';
comment on column quire.event.org_id is 'The organisation that it concerns.';
comment on column quire.event.document_id is 'The document that it concerns.';
comment on column quire.event.account_id is 'The account that it concerns.';
comment on column quire.event.session_id is 'The session that it concerns.';
comment on column quire.event.detail is 'What else there is to say, by kind: title.';
comment on column quire.event.created_at is 'When it happened (clock of the database).';

create table quire.setting (
    name text primary key,
    value text not null
);
comment on table quire.setting is 'Facts about this installation.';
comment on column quire.setting.name is 'Name of the fact: server_account.';
comment on column quire.setting.value is 'Its value.';

-- The server's own account writes the seed of new documents.
insert into quire.account (account_id, name, color) values ('00000000-0000-0000-0000-000000000001', 'Quire', '#888888');
insert into quire.setting (name, value) values ('server_account', '00000000-0000-0000-0000-000000000001');

-- Authority. Each trigger writes the event that servers act on, and takes the leases away from the
-- peers concerned: a commit of theirs that waits for the row finds the lease gone and writes nothing.
create function quire.session_ended() returns trigger language plpgsql as $$
begin
    insert into quire.event (kind, account_id, session_id)
    values ('session_ended', old.account_id, old.session_id);
    update quire.peer set lease_id = null where session_id = old.session_id and lease_id is not null;
    return null;
end
$$;
comment on function quire.session_ended is 'Trigger: a session ended.';

create function quire.member_changed() returns trigger language plpgsql as $$
begin
    insert into quire.event (kind, org_id, account_id)
    values ('member_changed', coalesce(new.org_id, old.org_id), coalesce(new.account_id, old.account_id));
    if tg_op <> 'INSERT' then
        update quire.peer set lease_id = null
        where org_id = old.org_id and account_id = old.account_id and lease_id is not null;
    end if;
    return null;
end
$$;
comment on function quire.member_changed is 'Trigger: a member joined, changed role or was removed.';

create function quire.grant_changed() returns trigger language plpgsql as $$
begin
    insert into quire.event (kind, org_id, document_id, account_id)
    values (
        'grant_changed', coalesce(new.org_id, old.org_id), coalesce(new.document_id, old.document_id),
        coalesce(new.account_id, old.account_id)
    );
    if tg_op <> 'INSERT' then
        update quire.peer set lease_id = null
        where org_id = old.org_id and document_id = old.document_id
        and account_id = old.account_id and lease_id is not null;
    end if;
    return null;
end
$$;
comment on function quire.grant_changed is 'Trigger: a grant was given, changed or taken back.';

create function quire.document_changed() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into quire.event (kind, org_id, document_id, detail)
        values ('document_created', new.org_id, new.document_id, jsonb_build_object('title', new.title));
        return null;
    end if;
    if new.title is distinct from old.title then
        insert into quire.event (kind, org_id, document_id, detail)
        values ('document_renamed', new.org_id, new.document_id, jsonb_build_object('title', new.title));
    end if;
    if new.deleted_at is not null and old.deleted_at is null then
        insert into quire.event (kind, org_id, document_id) values ('document_deleted', new.org_id, new.document_id);
        update quire.peer set lease_id = null
        where org_id = new.org_id and document_id = new.document_id and lease_id is not null;
    elsif new.deleted_at is null and old.deleted_at is not null then
        insert into quire.event (kind, org_id, document_id) values ('document_restored', new.org_id, new.document_id);
    end if;
    return null;
end
$$;
comment on function quire.document_changed is 'Trigger: a document was made, renamed, deleted or restored.';

create trigger session_ended after update of ended_at on quire.session
for each row when (old.ended_at is null and new.ended_at is not null) execute function quire.session_ended();
create trigger session_deleted after delete on quire.session
for each row when (old.ended_at is null) execute function quire.session_ended();
create trigger member_changed after insert or update or delete on quire.member
for each row execute function quire.member_changed();
create trigger grant_changed after insert or update or delete on quire.document_grant
for each row execute function quire.grant_changed();
create trigger document_changed after insert or update on quire.document
for each row execute function quire.document_changed();

create view quire.edit_log as
select
    e.created_at,
    d.title,
    a.name as author,
    e.inserted,
    e.deleted,
    octet_length(e.update) as bytes,
    e.edit_id,
    e.org_id,
    e.document_id,
    e.account_id,
    e.session_id
from quire.edit e
join quire.document d on d.org_id = e.org_id and d.document_id = e.document_id
join quire.account a on a.account_id = e.account_id;
comment on view quire.edit_log is 'Who changed which document, when and by how much.';
comment on column quire.edit_log.created_at is 'When the edit was written (clock of the database).';
comment on column quire.edit_log.title is 'Title of the document, as it is now.';
comment on column quire.edit_log.author is 'Name of the author, as it is now.';
comment on column quire.edit_log.inserted is 'Characters inserted.';
comment on column quire.edit_log.deleted is 'Characters deleted.';
comment on column quire.edit_log.bytes is 'Length of the stored update in bytes.';
comment on column quire.edit_log.edit_id is 'Identity of the edit.';
comment on column quire.edit_log.org_id is 'The organisation of the document.';
comment on column quire.edit_log.document_id is 'The document.';
comment on column quire.edit_log.account_id is 'The author.';
comment on column quire.edit_log.session_id is 'The session that sent it; null: the server itself.';

create publication quire_feed for table quire.edit, quire.event
with (publish = 'insert', publish_via_partition_root = true);
