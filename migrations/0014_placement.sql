-- Where an organisation is served, when it is not simply here: it moves to another database, has moved, or is
-- arriving from one. Servers of the version before go on working; while an organisation moves, all servers
-- must be of this one or a later version.

create table quire.placement (
    org_id uuid not null,
    state text not null constraint placement_state_known check (state in ('here', 'moving', 'moved', 'arriving')),
    move_id uuid not null,
    addresses text[] not null default '{}',
    known_accounts uuid[] not null default '{}',
    since timestamptz not null default clock_timestamp(),
    constraint placement_pkey primary key (org_id),
    constraint placement_moved_somewhere check (state <> 'moved' or cardinality(addresses) > 0)
);
comment on table quire.placement is 'Where organisations are served that move or have moved; one without a row is here. Written by quire org move.';
comment on column quire.placement.org_id is 'The organisation; its own row may not be here yet, or not any more.';
comment on column quire.placement.state is 'here: served from this database; moving: the same, and being copied to another one; moved: served from the other one, and nobody may write here; arriving: not served yet.';
comment on column quire.placement.move_id is 'Which move; the same in both databases. Whoever takes a move over gives it another one, so that the former cannot go on.';
comment on column quire.placement.addresses is 'Where it is served after it has moved: public addresses of servers, which clients are told.';
comment on column quire.placement.known_accounts is 'For one that arrives: its accounts that were in this database before, and stay as they are.';
comment on column quire.placement.since is 'Since when (clock of the database).';

create function quire.placement_changed() returns trigger language plpgsql as $$
begin
    insert into quire.event (kind, org_id, detail)
    values ('organisation_placed', new.org_id, jsonb_build_object('state', new.state, 'addresses', new.addresses));
    perform quire.note(
        'organisation_placed', new.org_id, null, null, null,
        jsonb_build_object('state', new.state, 'addresses', new.addresses)
    );
    return null;
end
$$;
comment on function quire.placement_changed is 'Trigger: an organisation moves, has moved, or is here.';
create trigger placement_changed after insert or update of state on quire.placement
for each row execute function quire.placement_changed();
comment on column quire.event.kind is 'session_ended, member_changed, grant_changed, document_created, document_renamed, document_deleted, document_restored, comments_changed, organisation_placed.';
comment on column quire.event.detail is 'What else there is to say, by kind: title; state and addresses.';

-- Edits are fenced by their peers' leases. Everything else of an organisation is fenced here: what a transaction
-- writes that began before the move was noted is waited for, what is written later is refused. With the rights of
-- its owner, because whoever writes may not be let at the table.
create function quire.is_served_here() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
begin
    if exists (
        select
        from quire.placement p
        where p.org_id = coalesce(new.org_id, old.org_id)
        and p.state in ('moved', 'arriving')
    ) then
        raise exception 'organisation % is not served from this database', coalesce(new.org_id, old.org_id)
            using errcode = 'cannot_connect_now', constraint = 'organisation_served_here';
    end if;
    return coalesce(new, old);
end
$$;
comment on function quire.is_served_here is 'Trigger: refuses to write what belongs to an organisation that has moved, or has not arrived.';

do $$
declare
    relation text;
begin
    foreach relation in array array[
        'organisation', 'member', 'document', 'folder', 'org_group', 'org_group_member', 'access_grant', 'access_request',
        'share_link', 'share_link_visit', 'invitation', 'comment_thread', 'comment', 'version'
    ] loop
        -- Before all others by its name.
        execute format(
            'create trigger a_is_served_here before insert or update or delete on quire.%I for each row execute function quire.is_served_here()',
            relation
        );
    end loop;
end
$$;

-- What ends by itself ends where the organisation is served.
create or replace function quire.end_expired() returns integer language plpgsql as $$
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
        select l.org_id, l.link_id from quire.share_link l
        where l.revoked_at is null and l.expires_at <= now()
        and not exists (select from quire.placement p where p.org_id = l.org_id and p.state in ('moved', 'arriving'))
        limit 1000 for update of l skip locked
    );
    get diagnostics links = row_count;
    return sessions + links;
end
$$;
