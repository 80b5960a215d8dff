-- Servers compare what they hold of each open document; a difference is noted here.

create table quire.divergence (
    org_id uuid not null,
    divergence_id bigint generated always as identity,
    document_id uuid not null,
    position pg_lsn not null,
    servers text[] not null,
    is_rebuilt boolean not null,
    found_at timestamptz not null default clock_timestamp(),
    constraint divergence_pkey primary key (org_id, divergence_id)
);
create index divergence_found_at_idx on quire.divergence (found_at);
comment on table quire.divergence is 'Documents of which two servers held different versions at one position of the log, for 30 days: quire doctor shows them. It should be empty.';
comment on column quire.divergence.org_id is 'The organisation of the document.';
comment on column quire.divergence.divergence_id is 'Which one of that organisation.';
comment on column quire.divergence.document_id is 'The document.';
comment on column quire.divergence.position is 'The position of the log at which both servers looked.';
comment on column quire.divergence.servers is 'The addresses of the two servers.';
comment on column quire.divergence.is_rebuilt is 'Whether the copies were then built anew from the rows; not when that was done a moment before.';
comment on column quire.divergence.found_at is 'When it was found (clock of the database).';
