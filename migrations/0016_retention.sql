-- How long organisations keep the history of their documents. Edits that are older are folded: their operations
-- go into one row of quire.fold and the rows of quire.edit are deleted, in one transaction. A document is its
-- fold and its rows. Set it when every server knows quire.fold: one that does not would not read it.

create table quire.retention (
    org_id uuid not null,
    kept interval not null,
    constraint retention_pkey primary key (org_id),
    constraint retention_org_fkey foreign key (org_id) references quire.organisation (org_id) on delete cascade,
    constraint retention_kept_not_negative check (kept >= interval '0')
);
comment on table quire.retention is 'Organisations that keep the history of their documents for some time only; without a row it is kept for ever.';
comment on column quire.retention.org_id is 'The organisation.';
comment on column quire.retention.kept is 'Edits that are older are folded: what they wrote stays, who wrote it and when is forgotten.';

create table quire.fold (
    org_id uuid not null,
    document_id uuid not null,
    xid xid8 not null default pg_current_xact_id(),
    through xid8 not null,
    through_at timestamptz not null,
    peers bigint[] not null,
    counters integer[] not null,
    edits bigint not null default 0,
    inserted bigint not null default 0,
    deleted bigint not null default 0,
    folded_at timestamptz not null default clock_timestamp(),
    update bytea not null,
    constraint fold_pkey primary key (org_id, document_id)
);
alter table quire.fold alter column update set storage external;
comment on table quire.fold is 'The operations of a document''s oldest edits, whose rows in quire.edit are gone. Not derived: without it the document is lost.';
comment on column quire.fold.org_id is 'The organisation of the document.';
comment on column quire.fold.document_id is 'The document.';
comment on column quire.fold.xid is 'The transaction that made it what it is.';
comment on column quire.fold.through is 'The highest transaction of a folded edit: whoever has seen all below pg_snapshot_xmin of some snapshot, and that is higher, lacks nothing of it.';
comment on column quire.fold.through_at is 'When the newest folded edit was written: since then the history is there.';
comment on column quire.fold.peers is 'The Loro peers whose operations it has, as signed numbers,';
comment on column quire.fold.counters is 'and for each the counter after the last one.';
comment on column quire.fold.edits is 'How many rows of quire.edit it took the place of.';
comment on column quire.fold.inserted is 'Characters that these inserted.';
comment on column quire.fold.deleted is 'Characters that these deleted.';
comment on column quire.fold.folded_at is 'When it was made (clock of the database).';
comment on column quire.fold.update is 'The operations, in Loro''s binary form: all that the folded edits did, so that whoever was away can still merge.';

create table quire.fold_refusal (
    org_id uuid not null,
    document_id uuid not null,
    reason text not null,
    found_at timestamptz not null default clock_timestamp(),
    constraint fold_refusal_pkey primary key (org_id, document_id)
);
comment on table quire.fold_refusal is 'Documents whose old edits are kept because a fold of them was not the same document. quire doctor names them; a fold that succeeds later removes the row.';
comment on column quire.fold_refusal.org_id is 'The organisation of the document.';
comment on column quire.fold_refusal.document_id is 'The document.';
comment on column quire.fold_refusal.reason is 'What was wrong.';
comment on column quire.fold_refusal.found_at is 'When it was last tried (clock of the database).';

create function quire.retention_changed() returns trigger language plpgsql as $$
begin
    perform quire.note(
        'history_kept_changed', coalesce(new.org_id, old.org_id), null, null, null,
        jsonb_build_object('days', round(extract(epoch from new.kept) / 86400), 'former_days', round(extract(epoch from old.kept) / 86400))
    );
    return null;
end
$$;
comment on function quire.retention_changed is 'Trigger: an organisation keeps its history for another time; the audit is told.';
create trigger retention_changed after insert or update or delete on quire.retention
for each row execute function quire.retention_changed();

create or replace function quire.lacks_edits(seen pg_snapshot, system_identifier bigint, organisation uuid, document uuid)
returns boolean language sql stable as $$
    select seen is null
    or system_identifier <> (select c.system_identifier from pg_control_system() c)
    or exists (
        select
        from quire.edit e
        where e.org_id = organisation
        and e.document_id = document
        and e.xid >= pg_snapshot_xmin(seen)
        and not pg_visible_in_snapshot(e.xid, seen)
    )
    -- An edit that it did not see may have been folded since.
    or exists (
        select
        from quire.fold f
        where f.org_id = organisation
        and f.document_id = document
        and f.through >= pg_snapshot_xmin(seen)
        and not pg_visible_in_snapshot(f.xid, seen)
    )
$$;

create or replace view quire.document_storage with (security_invoker = true) as
select
    d.org_id, d.document_id, d.title, c.edits, c.edit_bytes,
    s.bytes as snapshot_bytes, s.created_at as folded_at, octet_length(t.text) as text_bytes, p.peers,
    f.edits as former_edits, octet_length(f.update) as fold_bytes, f.through_at as kept_since
from quire.document d
cross join lateral (
    select count(*) as edits, coalesce(sum(octet_length(e.update)), 0) as edit_bytes
    from quire.edit e
    where e.org_id = d.org_id
    and e.document_id = d.document_id
) c
cross join lateral (
    select count(*) as peers
    from quire.peer p
    where p.org_id = d.org_id
    and p.document_id = d.document_id
) p
left join quire.snapshot s on s.org_id = d.org_id and s.document_id = d.document_id
left join quire.document_text t on t.org_id = d.org_id and t.document_id = d.document_id
left join quire.fold f on f.org_id = d.org_id and f.document_id = d.document_id;
comment on column quire.document_storage.former_edits is 'How many older edits were folded; null: none.';
comment on column quire.document_storage.fold_bytes is 'Bytes of the fold of these; null: there is none.';
comment on column quire.document_storage.kept_since is 'Since when the history is there; null: from the beginning.';
comment on view quire.edit_log is 'Every edit that is kept, with its author, session and size, but not its content: who changed which document, when and by how much. Where history is kept for some time only (quire.retention), older edits are not in it.';
comment on view quire.document_activity is 'What was written in each document, of what is kept (quire.retention). For a range of time: quire.activity(since, until).';

create or replace function quire.integrity()
returns table (finding text, org_id uuid, document_id uuid, detail text) language sql stable as $$
    select 'edits without document', e.org_id, e.document_id, e.edits || ' edits'
    from (select g.org_id, g.document_id, count(*) as edits from quire.edit g group by 1, 2) e
    where not exists (select from quire.document d where d.org_id = e.org_id and d.document_id = e.document_id)
    union all
    select 'fold without document', f.org_id, f.document_id, f.edits || ' edits'
    from quire.fold f
    where not exists (select from quire.document d where d.org_id = f.org_id and d.document_id = f.document_id)
    union all
    select 'document without edits', d.org_id, d.document_id, d.title
    from quire.document d
    where not exists (select from quire.edit e where e.org_id = d.org_id and e.document_id = d.document_id)
    union all
    select 'edits of an unknown author', e.org_id, e.document_id, e.account_id || ': ' || e.edits || ' edits'
    from (select g.org_id, g.document_id, g.account_id, count(*) as edits from quire.edit g group by 1, 2, 3) e
    where not exists (select from quire.account a where a.account_id = e.account_id)
    union all
    select
        'edits are not what their peer has written', p.org_id, p.document_id,
        'peer ' || p.peer_id || ': ' || p.next_counter || ' operations, ' || coalesce(e.operations, 0) || ' in edits, '
            || coalesce(f.folded, 0) || ' folded'
    from quire.peer p
    left join (
        select w.org_id, w.document_id, v.peer_id, v.counter as folded
        from quire.fold w
        cross join lateral unnest(w.peers, w.counters) as v (peer_id, counter)
    ) f on f.org_id = p.org_id and f.document_id = p.document_id and f.peer_id = p.peer_id
    left join (
        select
            g.org_id, g.document_id, g.peer_id, max(g.counter_end) as reached,
            -- Rows of what is folded go after it.
            sum(g.counter_end - g.counter_start) filter (where g.counter_end > coalesce(h.counter, 0)) as operations
        from quire.edit g
        left join (
            select w.org_id, w.document_id, v.peer_id, v.counter
            from quire.fold w
            cross join lateral unnest(w.peers, w.counters) as v (peer_id, counter)
        ) h on h.org_id = g.org_id and h.document_id = g.document_id and h.peer_id = g.peer_id
        group by 1, 2, 3
    ) e on e.org_id = p.org_id and e.document_id = p.document_id and e.peer_id = p.peer_id
    where coalesce(e.operations, 0) + coalesce(f.folded, 0) <> p.next_counter
    or greatest(e.reached, f.folded, 0) <> p.next_counter
    union all
    select 'snapshot without document', s.org_id, s.document_id, s.bytes || ' bytes'
    from quire.snapshot s
    where not exists (select from quire.document d where d.org_id = s.org_id and d.document_id = s.document_id)
    union all
    select 'snapshot is not as long as it says', s.org_id, s.document_id, s.bytes || ' bytes, ' || octet_length(s.snapshot) || ' stored'
    from quire.snapshot s
    where s.bytes <> octet_length(s.snapshot)
    union all
    select 'snapshot claims edits of the future', s.org_id, s.document_id, s.seen::text
    from quire.snapshot s
    where s.system_identifier = (select c.system_identifier from pg_control_system() c)
    and pg_snapshot_xmax(s.seen) > pg_snapshot_xmax(pg_current_snapshot())
    union all
    select 'text claims edits of the future', t.org_id, t.document_id, t.seen::text
    from quire.document_text t
    where t.system_identifier = (select c.system_identifier from pg_control_system() c)
    and pg_snapshot_xmax(t.seen) > pg_snapshot_xmax(pg_current_snapshot())
$$;

-- Added to the list as it is, so that it does not matter what other migrations add to it.
do $$
begin
    if exists (select from quire.readable() r where r.relation = 'fold') then
        return;
    end if;
    execute replace(
        replace(
            pg_get_functiondef('quire.readable()'::regprocedure),
            '        (''version'',',
            '        (''fold'', ''{org_id,document_id,xid,through,through_at,peers,counters,edits,inserted,deleted,folded_at,update}'', ''{}''),' || chr(10)
                || '        (''fold_refusal'', ''{org_id,document_id,reason,found_at}'', ''{}''),' || chr(10)
                || '        (''retention'', ''{org_id,kept}'', ''{}''),' || chr(10)
                || '        (''version'','
        ),
        'snapshot_bytes,folded_at,text_bytes,peers}',
        'snapshot_bytes,folded_at,text_bytes,peers,former_edits,fold_bytes,kept_since}'
    );
end
$$;
