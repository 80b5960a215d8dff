-- Requests that are sent twice are done once.

create table quire.idempotency_key (
    account_id uuid not null references quire.account (account_id) on delete cascade,
    idempotency_key text not null,
    request_digest bytea not null,
    created_at timestamptz not null default now(),
    xid xid8 not null default pg_current_xact_id(),
    org_id uuid not null,
    document_id uuid not null,
    peer_id bigint,
    counter_start integer,
    update bytea,
    version text,
    constraint idempotency_key_pkey primary key (account_id, idempotency_key),
    constraint idempotency_key_length check (length(idempotency_key) between 1 and 255),
    constraint idempotency_key_document_fkey foreign key (org_id, document_id)
        references quire.document (org_id, document_id) on delete cascade,
    constraint idempotency_key_edit check (num_nulls(peer_id, counter_start, update, version) in (0, 4))
);
create index idempotency_key_created_at_idx on quire.idempotency_key (created_at);
create index idempotency_key_document_idx on quire.idempotency_key (org_id, document_id);
comment on table quire.idempotency_key is 'Requests to the API that named an Idempotency-Key, for 24 hours: whoever sends one again gets what the first one made.';
comment on column quire.idempotency_key.account_id is 'Who asked.';
comment on column quire.idempotency_key.idempotency_key is 'What the client called the request.';
comment on column quire.idempotency_key.request_digest is 'SHA-256 of what was asked: the same key does not stand for anything else.';
comment on column quire.idempotency_key.created_at is 'When it was asked first.';
comment on column quire.idempotency_key.xid is 'The transaction that noted it: the edit is of a later one.';
comment on column quire.idempotency_key.org_id is 'The organisation of the document.';
comment on column quire.idempotency_key.document_id is 'The document that was made or edited.';
comment on column quire.idempotency_key.peer_id is 'For an edit: the Loro peer that it is written with.';
comment on column quire.idempotency_key.counter_start is 'For an edit: the Loro counter of its first operation.';
comment on column quire.idempotency_key.update is 'For an edit: the update, kept before it is committed, so that a repetition commits the same bytes.';
comment on column quire.idempotency_key.version is 'For an edit: the version that was answered.';
