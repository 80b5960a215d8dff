create table quire.migration (
    name text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
);
comment on table quire.migration is 'Which steps of the schema have run; written by quire migrate.';
comment on column quire.migration.name is 'The step: its file name without .sql.';
comment on column quire.migration.checksum is 'SHA-256 of its statements, hexadecimal; a step that has run is never edited.';
comment on column quire.migration.applied_at is 'When it ran (clock of the database).';
