-- Comments on documents. What they are on is named by Loro cursors, so that the document itself
-- holds nothing of them.

create table quire.comment_thread (
    org_id uuid not null,
    document_id uuid not null,
    thread_id uuid not null,
    created_by uuid not null references quire.account (account_id),
    created_at timestamptz not null default clock_timestamp(),
    anchor_start bytea,
    anchor_end bytea,
    quote text not null default '',
    resolved_at timestamptz,
    resolved_by uuid references quire.account (account_id),
    constraint comment_thread_pkey primary key (org_id, document_id, thread_id),
    constraint comment_thread_document_fkey foreign key (org_id, document_id)
        references quire.document (org_id, document_id) on delete cascade,
    constraint comment_thread_anchor check (
        (anchor_start is null) = (anchor_end is null)
        and length(anchor_start) between 1 and 512
        and length(anchor_end) between 1 and 512
    ),
    constraint comment_thread_quote_length check (length(quote) <= 1000),
    constraint comment_thread_resolved check ((resolved_at is null) = (resolved_by is null))
);
create index comment_thread_created_at_idx on quire.comment_thread (org_id, document_id, created_at, thread_id);
comment on table quire.comment_thread is 'Threads of comments on documents.';
comment on column quire.comment_thread.org_id is 'The organisation of the document.';
comment on column quire.comment_thread.document_id is 'The document.';
comment on column quire.comment_thread.thread_id is 'Identity of the thread; its first comment has the same.';
comment on column quire.comment_thread.created_by is 'Who began it.';
comment on column quire.comment_thread.created_at is 'When.';
comment on column quire.comment_thread.anchor_start is 'Where what it is on begins: a cursor in Loro''s binary form. Null: it is on the whole document.';
comment on column quire.comment_thread.anchor_end is 'Where it ends, in the same form.';
comment on column quire.comment_thread.quote is 'The text that it was on when it was begun.';
comment on column quire.comment_thread.resolved_at is 'When it was resolved; null: it is open.';
comment on column quire.comment_thread.resolved_by is 'Who resolved it.';

create table quire.comment (
    org_id uuid not null,
    document_id uuid not null,
    thread_id uuid not null,
    comment_id uuid not null,
    account_id uuid not null references quire.account (account_id),
    body text not null,
    created_at timestamptz not null default clock_timestamp(),
    edited_at timestamptz,
    constraint comment_pkey primary key (org_id, document_id, thread_id, comment_id),
    constraint comment_thread_fkey foreign key (org_id, document_id, thread_id)
        references quire.comment_thread (org_id, document_id, thread_id) on delete cascade,
    constraint comment_body_length check (length(body) between 1 and 10000)
);
comment on table quire.comment is 'Comments, and answers to them.';
comment on column quire.comment.org_id is 'The organisation of the document.';
comment on column quire.comment.document_id is 'The document.';
comment on column quire.comment.thread_id is 'The thread that it belongs to.';
comment on column quire.comment.comment_id is 'Identity of the comment; the first one of a thread has the thread''s.';
comment on column quire.comment.account_id is 'Who wrote it.';
comment on column quire.comment.body is 'What it says, as plain text.';
comment on column quire.comment.created_at is 'When it was written.';
comment on column quire.comment.edited_at is 'When it was changed last; null: never.';

-- Open pages are told through the log that there is something to read again.
create function quire.comments_changed() returns trigger language plpgsql as $$
begin
    insert into quire.event (kind, org_id, document_id)
    select distinct 'comments_changed', c.org_id, c.document_id
    from changed c;
    return null;
end
$$;
comment on function quire.comments_changed is 'Notes in quire.event that comments of a document changed.';
create trigger comment_thread_updated after update on quire.comment_thread
    referencing new table as changed
    for each statement execute function quire.comments_changed();
create trigger comment_thread_deleted after delete on quire.comment_thread
    referencing old table as changed
    for each statement execute function quire.comments_changed();
create trigger comment_inserted after insert on quire.comment
    referencing new table as changed
    for each statement execute function quire.comments_changed();
create trigger comment_updated after update on quire.comment
    referencing new table as changed
    for each statement execute function quire.comments_changed();
create trigger comment_deleted after delete on quire.comment
    referencing old table as changed
    for each statement execute function quire.comments_changed();
comment on column quire.event.kind is 'session_ended, member_changed, grant_changed, document_created, document_renamed, document_deleted, document_restored, comments_changed.';

create function quire.base64url(bytes bytea) returns text language sql immutable strict parallel safe as $$
    select rtrim(translate(encode(bytes, 'base64'), E'+/\n', '-_'), '=')
$$;
comment on function quire.base64url is 'Bytes as base64url without padding (RFC 4648, 5).';
