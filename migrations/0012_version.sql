-- Versions of documents that somebody gave a name. What a document was then is in its edits; a row
-- only says which of them.

create table quire.version (
    org_id uuid not null,
    document_id uuid not null,
    version_id uuid not null,
    name text not null,
    created_by uuid not null references quire.account (account_id),
    created_at timestamptz not null default clock_timestamp(),
    written_at timestamptz not null,
    operations bytea not null,
    constraint version_pkey primary key (org_id, document_id, version_id),
    constraint version_document_fkey foreign key (org_id, document_id)
        references quire.document (org_id, document_id) on delete cascade,
    constraint version_name_length check (length(name) between 1 and 100),
    constraint version_operations_length check (length(operations) between 1 and 1048576)
);
create index version_written_at_idx on quire.version (org_id, document_id, written_at, version_id);
comment on table quire.version is 'Named versions of documents.';
comment on column quire.version.org_id is 'The organisation of the document.';
comment on column quire.version.document_id is 'The document.';
comment on column quire.version.version_id is 'Identity of the version.';
comment on column quire.version.name is 'Its name, 1 to 100 characters; several may have the same.';
comment on column quire.version.created_by is 'Who named it.';
comment on column quire.version.created_at is 'When it was named.';
comment on column quire.version.written_at is 'When the last edit of it was written.';
comment on column quire.version.operations is 'Which operations it has: a version vector in Loro''s binary form.';
