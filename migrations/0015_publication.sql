-- Published documents: pages that anybody may read without signing in, and that caches in front of Quire
-- may keep. A row stays when a page is withdrawn, so that its address is known to be gone, and so that
-- whichever server comes to it tells the caches.

create table quire.publication (
    org_id uuid not null,
    document_id uuid not null,
    publication_id uuid not null,
    is_indexed boolean not null default false,
    published_by uuid not null references quire.account (account_id),
    published_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    changed xid8 not null default pg_current_xact_id(),
    told pg_snapshot,
    system_identifier bigint,
    constraint publication_pkey primary key (org_id, document_id),
    constraint publication_id_unique unique (publication_id),
    constraint publication_document_fkey foreign key (org_id, document_id)
        references quire.document (org_id, document_id) on delete cascade
);
comment on table quire.publication is 'Documents that anybody may read at /p/ and the publication''s id.';
comment on column quire.publication.org_id is 'The organisation of the document.';
comment on column quire.publication.document_id is 'The document.';
comment on column quire.publication.publication_id is 'The id in the page''s address; a document that is published again has the same.';
comment on column quire.publication.is_indexed is 'Whether search engines may list the page.';
comment on column quire.publication.published_by is 'Who published it.';
comment on column quire.publication.published_at is 'When (clock of the database).';
comment on column quire.publication.ended_at is 'When it was withdrawn; null: it is published.';
comment on column quire.publication.changed is 'The transaction that last changed the row, or the title or bin of the document: what the page shows besides its edits.';
comment on column quire.publication.told is 'Caches were told of everything that this pg_snapshot sees; null: of nothing.';
comment on column quire.publication.system_identifier is 'The cluster whose transaction numbers told speaks of; elsewhere it counts as nothing.';

create function quire.publication_changed() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' then
        if new.is_indexed is distinct from old.is_indexed or new.ended_at is distinct from old.ended_at then
            new.changed := pg_current_xact_id();
        else
            return new;
        end if;
    end if;
    insert into quire.event (kind, org_id, document_id) values ('publication_changed', new.org_id, new.document_id);
    if tg_op = 'INSERT' or (old.ended_at is not null and new.ended_at is null) then
        perform quire.note('document_published', new.org_id, null, new.document_id, null, '{}');
    elsif old.ended_at is null and new.ended_at is not null then
        perform quire.note('document_withdrawn', new.org_id, null, new.document_id, null, '{}');
    end if;
    return new;
end
$$;
comment on function quire.publication_changed is 'Trigger: a document was published or withdrawn; servers and the audit are told.';
create trigger publication_changed before insert or update on quire.publication
for each row execute function quire.publication_changed();

create function quire.published_document_changed() returns trigger language plpgsql as $$
begin
    update quire.publication
    set changed = pg_current_xact_id()
    where org_id = new.org_id
    and document_id = new.document_id;
    return null;
end
$$;
comment on function quire.published_document_changed is 'Trigger: the title of a published document changed, or it went to the bin or came from there.';
create trigger published_document_changed after update of title, deleted_at on quire.document
for each row when (old.title is distinct from new.title or old.deleted_at is distinct from new.deleted_at)
execute function quire.published_document_changed();

comment on column quire.event.kind is 'session_ended, member_changed, grant_changed, document_created, document_renamed, document_deleted, document_restored, comments_changed, publication_changed.';

-- Added to the list as it is, so that it does not matter what other migrations add to it.
do $$
begin
    if exists (select from quire.readable() r where r.relation = 'publication') then
        return;
    end if;
    execute replace(
        pg_get_functiondef('quire.readable()'::regprocedure),
        '        (''version'',',
        '        (''publication'', ''{org_id,document_id,publication_id,is_indexed,published_by,published_at,ended_at,changed,told,system_identifier}'', ''{}''),' || chr(10)
            || '        (''version'','
    );
end
$$;
