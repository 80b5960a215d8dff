-- For whoever reads the database with SQL: views and functions that say who wrote what and when, who
-- had which right, what takes room; the text of each document as a column; the roles quire_reader
-- and quire_operator. Servers of the version before go on working: nothing that they use changes.
--
-- Every view asks with the rights of whoever asks it (security_invoker), so that the grants and the
-- policies on the tables decide, for views, functions and tables alike, and there is one rule to check.

create table quire.reader (
    role_name name not null,
    org_id uuid references quire.organisation on delete cascade,
    since timestamptz not null default now(),
    constraint reader_once unique nulls not distinct (role_name, org_id)
);
comment on table quire.reader is 'Which organisations a Postgres role that was granted quire_reader reads: a row each, or one row without organisation for all. Without a row it reads nothing. Rows for a role hold for its members too.';
comment on column quire.reader.role_name is 'Name of the Postgres role.';
comment on column quire.reader.org_id is 'The organisation that it reads; null: all of them.';
comment on column quire.reader.since is 'When the row was written.';

create table quire.document_text (
    org_id uuid not null,
    document_id uuid not null,
    text text not null,
    words tsvector not null,
    version bytea not null,
    seen pg_snapshot not null,
    system_identifier bigint not null,
    written_at timestamptz not null default clock_timestamp(),
    constraint document_text_pkey primary key (org_id, document_id),
    constraint document_text_document_fkey foreign key (org_id, document_id)
        references quire.document (org_id, document_id) on delete cascade
);
create index document_text_words_idx on quire.document_text using gin (words);
comment on table quire.document_text is 'The text of each document that is not in the bin, written by servers in the background: some seconds behind those who type (quire.current_text says whether it is). Derived; may be emptied at any time, then it is written anew.';
comment on column quire.document_text.org_id is 'The organisation of the document.';
comment on column quire.document_text.document_id is 'The document.';
comment on column quire.document_text.text is 'Its plain text, a block a line. NUL characters, which Postgres cannot hold, are left out.';
comment on column quire.document_text.words is 'Its words for full-text search (configuration simple: no language''s endings are cut). Of a very long text only its beginning: a million characters, or fewer when they have very many different words.';
comment on column quire.document_text.version is 'The version that the text stands for: a Loro version vector, encoded.';
comment on column quire.document_text.seen is 'The pg_snapshot that the text was read under: the edits visible to it are in the text.';
comment on column quire.document_text.system_identifier is 'The database cluster whose transaction numbers seen speaks of; elsewhere the text counts as out of date.';
comment on column quire.document_text.written_at is 'When it was written (clock of the database).';

create or replace function quire.text_words(text text) returns tsvector language plpgsql immutable parallel safe as $$
declare
    -- What is longer would take seconds, and hardly fit.
    length integer := least(length(text), 1000000);
begin
    loop
        begin
            return to_tsvector('pg_catalog.simple', left(text, length));
        exception
            -- A tsvector holds 1 MiB.
            when program_limit_exceeded then length := length / 2;
        end;
    end loop;
end
$$;
comment on function quire.text_words is 'The words of a text for full-text search: those of the first million characters, or of fewer where a tsvector cannot hold them.';

-- What is in the bin is not found by its text. In the transaction of the deletion, whoever makes it.
create or replace function quire.text_removed() returns trigger language plpgsql as $$
begin
    delete from quire.document_text where org_id = new.org_id and document_id = new.document_id;
    return null;
end
$$;
comment on function quire.text_removed is 'Trigger: the text of a document goes when the document goes to the bin.';
create or replace trigger text_removed after update of deleted_at on quire.document
for each row when (new.deleted_at is not null) execute function quire.text_removed();

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
$$;
comment on function quire.lacks_edits is 'Whether a document has edits that a pg_snapshot of that cluster did not see.';

-- What was written.

create or replace view quire.edit_log with (security_invoker = true) as
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
    e.session_id,
    o.name as organisation,
    s.kind as session_kind,
    e.peer_id,
    e.counter_start,
    e.counter_end
from quire.edit e
left join quire.document d on d.org_id = e.org_id and d.document_id = e.document_id
left join quire.account a on a.account_id = e.account_id
left join quire.organisation o on o.org_id = e.org_id
left join quire.session s on s.session_id = e.session_id;

create or replace function quire.activity(since timestamptz default '-infinity', until timestamptz default 'infinity')
returns table (
    day date, org_id uuid, organisation text, document_id uuid, title text, account_id uuid, author text,
    edits bigint, inserted bigint, deleted bigint, bytes bigint, first_at timestamptz, last_at timestamptz
) language sql stable as $$
    select
        c.day, c.org_id, o.name, c.document_id, d.title, c.account_id, a.name,
        c.edits, c.inserted, c.deleted, c.bytes, c.first_at, c.last_at
    from (
        select
            (e.created_at at time zone 'utc')::date as day, e.org_id, e.document_id, e.account_id,
            count(*) as edits, sum(e.inserted) as inserted, sum(e.deleted) as deleted,
            sum(octet_length(e.update)) as bytes, min(e.created_at) as first_at, max(e.created_at) as last_at
        from quire.edit e
        where e.created_at >= since
        and e.created_at < until
        group by 1, 2, 3, 4
    ) c
    left join quire.organisation o on o.org_id = c.org_id
    left join quire.document d on d.org_id = c.org_id and d.document_id = c.document_id
    left join quire.account a on a.account_id = c.account_id
$$;
comment on function quire.activity is 'What was written from a time until before another: a row for each day (UTC), document and author. Names are those of today.';

create or replace function quire.hours(since timestamptz, until timestamptz default 'infinity')
returns table (hour timestamptz, org_id uuid, edits bigint, authors bigint, documents bigint, inserted bigint, deleted bigint)
language sql stable as $$
    select
        date_trunc('hour', e.created_at, 'utc'), e.org_id, count(*),
        count(distinct e.account_id), count(distinct e.document_id), sum(e.inserted), sum(e.deleted)
    from quire.edit e
    where e.created_at >= since
    and e.created_at < until
    group by 1, 2
$$;
comment on function quire.hours is 'What was written from a time until before another: a row for each hour and organisation. Hours in which nobody wrote have none.';

create or replace view quire.document_activity with (security_invoker = true) as
select
    d.org_id, d.document_id, d.title, d.created_at, d.deleted_at,
    c.edits, c.authors, c.inserted, c.deleted, c.first_at, c.last_at
from quire.document d
cross join lateral (
    select
        count(*) as edits, count(distinct e.account_id) as authors,
        coalesce(sum(e.inserted), 0) as inserted, coalesce(sum(e.deleted), 0) as deleted,
        min(e.created_at) as first_at, max(e.created_at) as last_at
    from quire.edit e
    where e.org_id = d.org_id
    and e.document_id = d.document_id
) c;
comment on view quire.document_activity is 'What was written in each document since it was made. For a range of time: quire.activity(since, until).';

create or replace view quire.author_activity with (security_invoker = true) as
select
    w.org_id, w.account_id, a.name as author, count(*) as documents,
    sum(c.edits)::bigint as edits, sum(c.inserted)::bigint as inserted, sum(c.deleted)::bigint as deleted,
    min(c.first_at) as first_at, max(c.last_at) as last_at
from (select distinct p.org_id, p.account_id, p.document_id from quire.peer p) w
left join quire.account a on a.account_id = w.account_id
cross join lateral (
    select
        count(*) as edits, sum(e.inserted) as inserted, sum(e.deleted) as deleted,
        min(e.created_at) as first_at, max(e.created_at) as last_at
    from quire.edit e
    where e.org_id = w.org_id
    and e.document_id = w.document_id
    and e.account_id = w.account_id
    having count(*) > 0
) c
group by w.org_id, w.account_id, a.name;
comment on view quire.author_activity is 'What each author has written in each organisation, ever. Found by the author''s peers, so that asking for one author reads only documents that this author has opened to write in.';

create or replace view quire.organisation_activity with (security_invoker = true) as
select
    o.org_id, o.name as organisation,
    (select count(*) from quire.member m where m.org_id = o.org_id) as members,
    (select count(*) from quire.document d where d.org_id = o.org_id and d.deleted_at is null) as documents,
    c.edits, c.inserted, c.deleted, c.last_at
from quire.organisation o
cross join lateral (
    select
        count(*) as edits, coalesce(sum(e.inserted), 0) as inserted, coalesce(sum(e.deleted), 0) as deleted,
        max(e.created_at) as last_at
    from quire.edit e
    where e.org_id = o.org_id
) c;
comment on view quire.organisation_activity is 'Each organisation: its members, its documents outside the bin, and what was written in it.';

create or replace view quire.document_storage with (security_invoker = true) as
select
    d.org_id, d.document_id, d.title, c.edits, c.edit_bytes,
    s.bytes as snapshot_bytes, s.created_at as folded_at, octet_length(t.text) as text_bytes, p.peers
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
left join quire.document_text t on t.org_id = d.org_id and t.document_id = d.document_id;
comment on view quire.document_storage is 'What each document takes. The bytes are those of the content; in a row of quire.edit some 100 bytes come on top, and as many in its index.';

create or replace view quire.current_text with (security_invoker = true) as
select
    d.org_id, d.document_id, d.title, t.text, t.written_at,
    not quire.lacks_edits(t.seen, t.system_identifier, d.org_id, d.document_id) as is_current
from quire.document d
left join quire.document_text t on t.org_id = d.org_id and t.document_id = d.document_id
where d.deleted_at is null;
comment on view quire.current_text is 'The text of each document that is not in the bin, and whether every committed edit is in it.';

-- Who could do what at a time. Rights as they are, with the changes undone that quire.audit says came later.

create or replace function quire.sessions_at(at timestamptz)
returns table (
    session_id uuid, account_id uuid, name text, kind text, scopes text[],
    created_at timestamptz, last_seen_at timestamptz, ended_at timestamptz
) language sql stable as $$
    select s.session_id, s.account_id, a.name, s.kind, s.scopes, s.created_at, s.last_seen_at, s.ended_at
    from quire.session s
    left join quire.account a on a.account_id = s.account_id
    where s.created_at <= at
    and coalesce(s.ended_at, s.expires_at) > at
$$;
comment on function quire.sessions_at is 'The sessions and API tokens that were good at a time. It cannot be known whether somebody was at the keyboard (last_seen_at is the newest use, in steps of minutes), nor who read: reading leaves no row.';

create or replace function quire.members_at(at timestamptz)
returns table (org_id uuid, account_id uuid, name text, role text) language sql stable as $$
    with later as (
        select distinct on (u.org_id, u.account_id)
            u.org_id, u.account_id,
            case when u.action <> 'member_added' then u.detail ->> 'former_role' end as role
        from quire.audit u
        where u.action in ('member_added', 'member_changed', 'member_removed')
        and u.created_at > at
        order by u.org_id, u.account_id, u.audit_id
    )
    select r.org_id, r.account_id, a.name, r.role
    from (
        select l.org_id, l.account_id, l.role
        from later l
        where l.role is not null
        union all
        select m.org_id, m.account_id, m.role
        from quire.member m
        where m.created_at <= at
        and not exists (select from later l where l.org_id = m.org_id and l.account_id = m.account_id)
    ) r
    left join quire.account a on a.account_id = r.account_id
$$;
comment on function quire.members_at is 'Who belonged to which organisation at a time, and as what. What was changed while triggers were off, or before quire.audit was there, cannot be known.';

create or replace function quire.groups_at(at timestamptz)
returns table (org_id uuid, group_id uuid, account_id uuid) language sql stable as $$
    with later as (
        select distinct on (u.org_id, u.detail ->> 'group_id', u.account_id)
            u.org_id, (u.detail ->> 'group_id')::uuid as group_id, u.account_id, u.action = 'group_member_removed' as was_in
        from quire.audit u
        where u.action in ('group_member_added', 'group_member_removed')
        and u.created_at > at
        order by u.org_id, u.detail ->> 'group_id', u.account_id, u.audit_id
    )
    select l.org_id, l.group_id, l.account_id
    from later l
    where l.was_in
    union all
    select m.org_id, m.group_id, m.account_id
    from quire.org_group_member m
    where m.created_at <= at
    and not exists (
        select
        from later l
        where l.org_id = m.org_id and l.group_id = m.group_id and l.account_id = m.account_id
    )
$$;
comment on function quire.groups_at is 'Who was in which group at a time; limits as of quire.members_at.';

create or replace function quire.grants_at(at timestamptz)
returns table (
    org_id uuid, document_id uuid, folder_id uuid, account_id uuid, group_id uuid, everyone boolean, role text
) language sql stable as $$
    with later as (
        select distinct on (u.org_id, u.document_id, u.folder_id, u.account_id, u.detail ->> 'group_id')
            u.org_id, u.document_id, u.folder_id, u.account_id, (u.detail ->> 'group_id')::uuid as group_id,
            case when u.action <> 'grant_added' then u.detail ->> 'former_role' end as role
        from quire.audit u
        where u.action in ('grant_added', 'grant_changed', 'grant_removed')
        and u.created_at > at
        order by u.org_id, u.document_id, u.folder_id, u.account_id, u.detail ->> 'group_id', u.audit_id
    )
    select
        l.org_id, l.document_id, l.folder_id, l.account_id, l.group_id,
        l.account_id is null and l.group_id is null, l.role
    from later l
    where l.role is not null
    union all
    select g.org_id, g.document_id, g.folder_id, g.account_id, g.group_id, g.everyone, g.role
    from quire.access_grant g
    where g.created_at <= at
    and not exists (
        select
        from later l
        where l.org_id = g.org_id
        and l.document_id is not distinct from g.document_id
        and l.folder_id is not distinct from g.folder_id
        and l.account_id is not distinct from g.account_id
        and l.group_id is not distinct from g.group_id
    )
$$;
comment on function quire.grants_at is 'The grants on documents and folders at a time; limits as of quire.members_at.';

create or replace function quire.readers_at(organisation uuid, document uuid, at timestamptz)
returns table (account_id uuid, name text, role text, through text[]) language sql stable as $$
    with recursive place as (
        select
            d.document_id,
            case when m.audit_id is null then d.folder_id else (m.detail ->> 'former_folder_id')::uuid end as folder_id,
            coalesce((t.detail ->> 'former_owner_id')::uuid, d.owner_id) as owner_id
        from quire.document d
        left join lateral (
            select u.audit_id, u.detail
            from quire.audit u
            where u.org_id = d.org_id and u.document_id = d.document_id
            and u.action = 'document_moved' and u.created_at > at
            order by u.audit_id
            limit 1
        ) m on true
        left join lateral (
            select u.detail
            from quire.audit u
            where u.org_id = d.org_id and u.document_id = d.document_id
            and u.action = 'document_transferred' and u.created_at > at
            order by u.audit_id
            limit 1
        ) t on true
        left join lateral (
            select u.action
            from quire.audit u
            where u.org_id = d.org_id and u.document_id = d.document_id
            and u.action in ('document_deleted', 'document_restored') and u.created_at > at
            order by u.audit_id
            limit 1
        ) b on true
        where d.org_id = organisation
        and d.document_id = document
        and d.created_at <= at
        and case b.action when 'document_deleted' then true when 'document_restored' then false else d.deleted_at is null end
    ),
    above as (
        select p.folder_id
        from place p
        where p.folder_id is not null
        union
        select case when m.audit_id is null then f.parent_id else (m.detail ->> 'former_parent_id')::uuid end
        from above c
        join quire.folder f on f.org_id = organisation and f.folder_id = c.folder_id
        left join lateral (
            select u.audit_id, u.detail
            from quire.audit u
            where u.org_id = f.org_id and u.folder_id = f.folder_id
            and u.action = 'folder_moved' and u.created_at > at
            order by u.audit_id
            limit 1
        ) m on true
    ),
    members as materialized (
        select m.account_id, m.role
        from quire.members_at(at) m
        where m.org_id = organisation
    ),
    granted as materialized (
        select g.*
        from quire.grants_at(at) g
        where g.org_id = organisation
        and (g.document_id = document or g.folder_id in (select a.folder_id from above a))
    ),
    links as (
        select
            l.link_id,
            coalesce((
                select u.detail ->> 'role'
                from quire.audit u
                where u.org_id = l.org_id
                and u.action in ('share_link_added', 'share_link_changed')
                and u.detail ->> 'link_id' = l.link_id::text
                and u.created_at <= at
                order by u.audit_id desc
                limit 1
            ), l.role) as role
        from quire.share_link l
        where l.org_id = organisation
        and (l.document_id = document or l.folder_id in (select a.folder_id from above a))
        and l.created_at <= at
        and (l.revoked_at is null or l.revoked_at > at)
        and (l.expires_at is null or l.expires_at > at)
    ),
    rights as (
        select m.account_id, 3 as level, m.role as through
        from members m
        where m.role in ('owner', 'admin')
        union all
        select m.account_id, 3, 'owner of the document'
        from members m
        join place p on p.owner_id = m.account_id
        union all
        select m.account_id, quire.role_level(g.role), case
            when g.account_id is not null then 'grant'
            when g.group_id is not null then 'group'
            else 'everyone'
        end
        from granted g
        join members m on case
            when g.account_id is not null then m.account_id = g.account_id
            when g.everyone then m.role <> 'guest'
            else exists (
                select
                from quire.groups_at(at) i
                where i.org_id = organisation and i.group_id = g.group_id and i.account_id = m.account_id
            )
        end
        union all
        select u.account_id, quire.role_level(l.role), 'link'
        from links l
        join quire.audit u
            on u.org_id = organisation
            and u.action = 'share_link_opened'
            and u.detail ->> 'link_id' = l.link_id::text
            and u.created_at <= at
    )
    select r.account_id, a.name, (array['view', 'comment', 'edit'])[max(r.level)], array_agg(distinct r.through order by r.through)
    from rights r
    left join quire.account a on a.account_id = r.account_id
    where exists (select from place)
    group by r.account_id, a.name
$$;
comment on function quire.readers_at is 'Who could see a document at a time, the most that each could do with it, and through what. Nobody while it was in the bin. It cannot be known who looked; nor that a visitor was asked for a link''s new password and had not given it, or had lost a visit by being removed as a member; nor through which folder, if that folder has been removed since.';

-- What holds Postgres and Quire up.

create or replace view quire.feed_slot with (security_invoker = true) as
select
    s.slot_name, s.database, s.plugin, s.active, s.temporary, s.wal_status,
    pg_wal_lsn_diff(w.position, s.restart_lsn)::bigint as retained_bytes,
    pg_wal_lsn_diff(w.position, s.confirmed_flush_lsn)::bigint as behind_bytes,
    r.application_name, r.client_addr, r.state, r.backend_start as connected_at
from pg_replication_slots s
cross join (
    select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end as position
) w
left join pg_stat_replication r on r.pid = s.active_pid;
comment on view quire.feed_slot is 'Replication slots: what of the log Postgres keeps for each, and who reads it. A server''s own slot is temporary and goes with it; one that nobody reads fills the disk. Who reads is shown to roles with pg_read_all_stats.';

create or replace view quire.feed_state with (security_invoker = true) as
select
    pg_is_in_recovery() as is_standby,
    case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end as position,
    current_setting('wal_level') as wal_level,
    exists (select from pg_publication p where p.pubname = 'quire_feed') as is_published,
    (select count(*) from pg_replication_slots s where s.active and s.plugin = 'pgoutput' and s.database = current_database())
        as servers,
    (select coalesce(max(f.retained_bytes), 0) from quire.feed_slot f) as retained_bytes,
    (select max(c.found_at) from quire.divergence c) as divergence_at,
    (select count(*) from quire.document d where d.deleted_at is null) as documents,
    (select count(*) from quire.document_text) as texts;
comment on view quire.feed_state is 'The feed in one row: the log, how many servers read it here, the most that a slot retains, when servers last differed.';

create or replace function quire.integrity()
returns table (finding text, org_id uuid, document_id uuid, detail text) language sql stable as $$
    select 'edits without document', e.org_id, e.document_id, e.edits || ' edits'
    from (select g.org_id, g.document_id, count(*) as edits from quire.edit g group by 1, 2) e
    where not exists (select from quire.document d where d.org_id = e.org_id and d.document_id = e.document_id)
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
        'peer ' || p.peer_id || ': ' || p.next_counter || ' operations, ' || coalesce(e.operations, 0) || ' in edits'
    from quire.peer p
    left join (
        select g.org_id, g.document_id, g.peer_id, sum(g.counter_end - g.counter_start) as operations, max(g.counter_end) as reached
        from quire.edit g
        group by 1, 2, 3
    ) e on e.org_id = p.org_id and e.document_id = p.document_id and e.peer_id = p.peer_id
    where coalesce(e.operations, 0) <> p.next_counter
    or coalesce(e.reached, 0) <> p.next_counter
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
comment on function quire.integrity is 'What in the tables does not fit together; no row: nothing. It reads every edit. Whether a snapshot holds the same text as its edits is not to be seen with SQL: servers compare their copies, and quire.divergence says where they differed.';

-- Reading.

create or replace function quire.reads_all() returns boolean language sql stable as $$
    select coalesce(pg_has_role(current_user, to_regrole('quire_operator'), 'usage'), false)
    or exists (select from quire.reader r where r.org_id is null)
$$;
comment on function quire.reads_all is 'Whether this role reads every organisation. Only the rows of quire.reader that hold for it are seen.';

create or replace function quire.organisations_read() returns setof uuid language sql stable as $$
    select r.org_id from quire.reader r where r.org_id is not null
$$;
comment on function quire.organisations_read is 'The organisations that this role reads, besides what quire.reads_all says.';

create or replace function quire.accounts_read() returns setof uuid language sql stable as $$
    select m.account_id from quire.member m
    union
    select p.account_id from quire.peer p
    union
    select v.account_id from quire.share_link_visit v
    union
    select c.account_id from quire.comment c
    union
    select d.created_by from quire.document d
    union
    select unnest(array[u.account_id, u.actor_id]) from quire.audit u where u.org_id is not null
    union
    select '00000000-0000-0000-0000-000000000001'::uuid
$$;
comment on function quire.accounts_read is 'The accounts that have, or had, to do with the organisations that this role reads.';

create or replace function quire.search(query text, at_most integer default 100)
returns table (org_id uuid, document_id uuid, title text, rank real, excerpt text)
language sql stable security definer set search_path = pg_catalog as $$
    with caller as (
        -- Here current_user is the owner of the function.
        select case current_setting('role') when 'none' then session_user else current_setting('role')::name end as name
    ),
    allowed as (
        select r.org_id
        from quire.reader r
        cross join caller c
        where pg_has_role(c.name, to_regrole(quote_ident(r.role_name)), 'usage')
    ),
    may as (
        select
            pg_has_role(c.name, (select t.relowner from pg_class t where t.oid = 'quire.document_text'::regclass), 'usage')
            or coalesce(pg_has_role(c.name, to_regrole('quire_operator'), 'usage'), false)
            or exists (select from allowed a where a.org_id is null) as read_all
        from caller c
    ),
    found as (
        select t.org_id, t.document_id, d.title, ts_rank(t.words, q.words) as rank, q.words
        from websearch_to_tsquery('simple', query) as q (words)
        join quire.document_text t on t.words @@ q.words
        join quire.document d on d.org_id = t.org_id and d.document_id = t.document_id
        where d.deleted_at is null
        and (
            (select m.read_all from may m)
            or t.org_id in (select a.org_id from allowed a)
        )
        order by rank desc, d.title, t.document_id
        limit at_most
    )
    select
        f.org_id, f.document_id, f.title, f.rank,
        ts_headline('simple', left(t.text, 100000), f.words, 'MaxWords=12, MinWords=4, StartSel=[, StopSel=]')
    from found f
    join quire.document_text t on t.org_id = f.org_id and t.document_id = f.document_id
    order by f.rank desc, f.title, f.document_id
$$;
comment on function quire.search is 'Documents whose text has these words (as in a web search: "a phrase", or, -without), the best first and not more than at_most, of the organisations that the role reads. With the rights of its owner: under row-level security Postgres would not use the index for @@, which is not leakproof.';
revoke execute on function quire.search from public;

create or replace function quire.readable()
returns table (relation name, columns name[], of_operators name[]) language sql stable as $$
    values
        ('access_grant'::name, '{org_id,grant_id,document_id,folder_id,account_id,group_id,everyone,role,created_by,created_at}'::name[], '{}'::name[]),
        ('access_request', '{org_id,document_id,account_id,message,requested_at}', '{}'),
        ('account', '{account_id,name,color,created_at}', '{}'),
        ('audit', '{audit_id,created_at,action,org_id,actor_id,session_id,database_role,account_id,document_id,folder_id,detail}', '{address}'),
        ('comment', '{org_id,document_id,thread_id,comment_id,account_id,body,created_at,edited_at}', '{}'),
        ('comment_thread', '{org_id,document_id,thread_id,created_by,created_at,anchor_start,anchor_end,quote,resolved_at,resolved_by}', '{}'),
        ('divergence', '{}', '{org_id,divergence_id,document_id,position,servers,is_rebuilt,found_at}'),
        ('document', '{org_id,document_id,title,created_by,created_at,deleted_at,folder_id,owner_id}', '{}'),
        ('document_text', '{org_id,document_id,text,words,version,seen,system_identifier,written_at}', '{}'),
        ('edit', '{org_id,document_id,xid,edit_id,account_id,session_id,peer_id,counter_start,counter_end,inserted,deleted,created_at,update}', '{}'),
        ('event', '{event_id,kind,org_id,document_id,account_id,session_id,detail,created_at}', '{}'),
        ('folder', '{org_id,folder_id,parent_id,name,path,created_by,created_at}', '{}'),
        ('invitation', '{org_id,document_id,account_id,role,created_by,created_at,expires_at,used_at,used_by}', '{}'),
        ('member', '{org_id,account_id,role,created_at}', '{}'),
        ('migration', '{}', '{name,checksum,applied_at}'),
        ('org_group', '{org_id,group_id,name,created_at}', '{}'),
        ('org_group_member', '{org_id,group_id,account_id,created_at}', '{}'),
        ('organisation', '{org_id,name,created_at,default_role}', '{}'),
        ('peer', '{org_id,document_id,peer_id,account_id,device,session_id,next_counter,created_at}', '{}'),
        ('reader', '{role_name,org_id,since}', '{}'),
        ('session', '{session_id,account_id,created_at,expires_at,ended_at,kind,name,scopes,last_seen_at,latest_end}', '{user_agent,address}'),
        ('setting', '{}', '{name,value}'),
        ('share_link', '{org_id,link_id,document_id,folder_id,role,created_by,created_at,expires_at,revoked_at}', '{}'),
        ('share_link_visit', '{org_id,link_id,account_id,opened_at}', '{}'),
        ('snapshot', '{org_id,document_id,seen,system_identifier,bytes,snapshot,created_at}', '{}'),
        ('version', '{org_id,document_id,version_id,name,created_by,created_at,written_at,operations}', '{}'),
        ('edit_log', '{created_at,title,author,inserted,deleted,bytes,edit_id,org_id,document_id,account_id,session_id,organisation,session_kind,peer_id,counter_start,counter_end}', '{}'),
        ('document_access', '{org_id,document_id,account_id,member_role,role,permission,may_manage,may_transfer}', '{}'),
        ('folder_access', '{org_id,folder_id,account_id,member_role,role,may_manage}', '{}'),
        ('document_activity', '{org_id,document_id,title,created_at,deleted_at,edits,authors,inserted,deleted,first_at,last_at}', '{}'),
        ('author_activity', '{org_id,account_id,author,documents,edits,inserted,deleted,first_at,last_at}', '{}'),
        ('organisation_activity', '{org_id,organisation,members,documents,edits,inserted,deleted,last_at}', '{}'),
        ('document_storage', '{org_id,document_id,title,edits,edit_bytes,snapshot_bytes,folded_at,text_bytes,peers}', '{}'),
        ('current_text', '{org_id,document_id,title,text,written_at,is_current}', '{}'),
        ('feed_slot', '{}', '{slot_name,database,plugin,active,temporary,wal_status,retained_bytes,behind_bytes,application_name,client_addr,state,connected_at}'),
        ('feed_state', '{}', '{is_standby,position,wal_level,is_published,servers,retained_bytes,divergence_at,documents,texts}')
$$;
comment on function quire.readable is 'What quire_reader reads, column by column, and what quire_operator reads besides. What does not stand here nobody reads: secrets, mail addresses, and whatever a later migration adds and does not list.';

create or replace function quire.open_relations() returns table (relation name, is_right boolean) language sql stable as $$
    select
        r.relation,
        (
            select bool_and(
                has_column_privilege('quire_reader', c.oid, a.attnum, 'select') = (a.attname = any (r.columns))
                and has_column_privilege('quire_operator', c.oid, a.attnum, 'select') = (a.attname = any (r.columns || r.of_operators))
            )
            from pg_attribute a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        )
        and (
            c.relkind = 'v'
            or r.relation in ('migration', 'setting')
            or exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'reading')
        )
        and (
            r.relation <> 'reader'
            or has_table_privilege('quire_operator', c.oid, 'insert') and has_table_privilege('quire_operator', c.oid, 'delete')
        )
    from quire.readable() r
    join pg_class c on c.relname = r.relation and c.relnamespace = 'quire'::regnamespace
    order by r.relation
$$;
comment on function quire.open_relations is 'Tables and views that readers are let at, and whether what they are let at is what quire.readable says. Fails where the roles are missing.';

create or replace function quire.make_reader_roles() returns boolean language plpgsql as $$
begin
    begin
        if to_regrole('quire_reader') is null then
            create role quire_reader nologin;
        end if;
        if to_regrole('quire_operator') is null then
            create role quire_operator nologin;
        end if;
    exception
        when insufficient_privilege then return false;
        -- Another database of the cluster was first.
        when duplicate_object or unique_violation then null;
    end;
    begin
        if not pg_has_role('quire_operator', 'quire_reader', 'usage') then
            grant quire_reader to quire_operator;
        end if;
    exception
        when insufficient_privilege or unique_violation then null;
    end;
    begin
        if not pg_has_role('quire_operator', 'pg_read_all_stats', 'usage') then
            grant pg_read_all_stats to quire_operator;
        end if;
    exception
        when insufficient_privilege or unique_violation then null;
    end;
    -- The rows of organisations are told apart behind the wall; without it readers are let at nothing.
    return pg_has_role('quire_operator', 'quire_reader', 'usage') and to_regrole('quire_member') is not null;
end
$$;
comment on function quire.make_reader_roles is 'Makes the roles quire_reader and quire_operator where they are missing and this role may; answers whether they are there.';

create or replace function quire.open_to_readers(relation name) returns void language plpgsql as $$
declare
    r record;
    has_org boolean;
    rule text := '(select quire.reads_all())';
begin
    select c.oid, c.relkind, c.relrowsecurity, a.columns, a.of_operators
    into strict r
    from quire.readable() a
    join pg_class c on c.relname = a.relation and c.relnamespace = 'quire'::regnamespace
    where a.relation = open_to_readers.relation;
    grant usage on schema quire to quire_reader;
    grant execute on function quire.search to quire_reader;
    execute format('revoke all on quire.%I from quire_reader, quire_operator', relation);
    -- A grant to a column goes only with a grant to it.
    execute (
        select coalesce(string_agg(format('revoke all (%I) on quire.%I from quire_reader, quire_operator', a.attname, relation), ';'), '')
        from pg_attribute a
        where a.attrelid = r.oid and a.attnum > 0 and a.attacl is not null
    );
    if r.columns <> '{}' then
        execute format('grant select (%s) on quire.%I to quire_reader', (select string_agg(quote_ident(n), ', ') from unnest(r.columns) n), relation);
    end if;
    if r.of_operators <> '{}' then
        execute format('grant select (%s) on quire.%I to quire_operator', (select string_agg(quote_ident(n), ', ') from unnest(r.of_operators) n), relation);
    end if;
    if relation = 'reader' then
        grant insert, delete on quire.reader to quire_operator;
    end if;
    if r.relkind = 'v' or relation in ('migration', 'setting')
    or exists (select from pg_policy p where p.polrelid = r.oid and p.polname = 'reading') then
        return;
    end if;
    has_org := exists (select from pg_attribute a where a.attrelid = r.oid and a.attname = 'org_id' and not a.attisdropped);
    if relation = 'reader' then
        rule := 'pg_has_role(current_user, to_regrole(quote_ident(role_name)), ''usage'') '
            'or coalesce(pg_has_role(current_user, to_regrole(''quire_operator''), ''usage''), false)';
    elsif relation in ('account', 'session') then
        rule := rule || ' or account_id in (select quire.accounts_read())';
    elsif has_org then
        rule := rule || ' or org_id in (select quire.organisations_read())';
        if relation = 'event' then
            rule := rule || ' or (org_id is null and account_id in (select a.account_id from quire.account a))';
        elsif relation = 'audit' then
            -- Who failed to sign in is told by a hash of the mail address.
            rule := rule || ' or (org_id is null and action <> ''sign_in_refused'' and account_id in (select a.account_id from quire.account a))';
        end if;
    end if;
    if not r.relrowsecurity then
        if has_org then
            raise exception 'quire.% does not stand behind the wall: run quire.raise_wall() first', relation;
        end if;
        -- For everybody but readers all is as before.
        execute format('create policy everybody on quire.%I using (true)', relation);
        execute format('alter table quire.%I enable row level security', relation);
    end if;
    execute format('create policy reading on quire.%I as restrictive for select to quire_reader using (%s)', relation, rule);
end
$$;
comment on function quire.open_to_readers is 'Lets quire_reader and quire_operator at what quire.readable says of one table or view, and at the rows of the organisations that they read. quire migrate calls it for each; it locks the table for a moment.';

do $$
declare
    c record;
begin
    for c in
        select k.relname, a.attname, s.says
        from pg_class k
        join pg_attribute a on a.attrelid = k.oid and a.attnum > 0
        join (
            values
                ('org_id', 'The organisation.'),
                ('organisation', 'Name of the organisation, as it is now.'),
                ('document_id', 'The document.'),
                ('title', 'Title of the document, as it is now.'),
                ('account_id', 'The author.'),
                ('author', 'Name of the author, as it is now.'),
                ('created_at', 'When it was made (clock of the database).'),
                ('deleted_at', 'When it was moved to the bin; null while it is not there.'),
                ('edits', 'How many edits.'),
                ('authors', 'How many authors.'),
                ('documents', 'How many documents.'),
                ('members', 'How many members.'),
                ('inserted', 'Characters inserted.'),
                ('deleted', 'Characters deleted.'),
                ('first_at', 'When the first of them was written.'),
                ('last_at', 'When the newest of them was written.'),
                ('edit_bytes', 'Bytes of the updates.'),
                ('snapshot_bytes', 'Bytes of the stored snapshot; null: none.'),
                ('folded_at', 'When the snapshot was stored.'),
                ('text_bytes', 'Bytes of the text in quire.document_text; null: not written yet.'),
                ('peers', 'How many Loro peers have written in it: many make it slow.'),
                ('text', 'Its plain text; null: not written yet.'),
                ('written_at', 'When the text was written.'),
                ('is_current', 'Whether every committed edit is in the text.'),
                ('session_kind', 'browser or token; null: the server itself.'),
                ('peer_id', 'The Loro peer that made the operations.'),
                ('counter_start', 'Loro counter of the first operation.'),
                ('counter_end', 'Loro counter after the last operation.'),
                ('slot_name', 'Name of the slot.'),
                ('database', 'The database that it decodes; null: a physical slot.'),
                ('plugin', 'What decodes the log: pgoutput for Quire''s servers.'),
                ('active', 'Whether somebody reads it now.'),
                ('temporary', 'Whether it goes with its connection.'),
                ('wal_status', 'Whether the log that it needs is still there: reserved, extended, unreserved, lost.'),
                ('retained_bytes', 'Bytes of the log that Postgres must keep.'),
                ('behind_bytes', 'Bytes of the log that its reader has not confirmed.'),
                ('application_name', 'What its reader calls itself.'),
                ('client_addr', 'From where its reader is connected; null: by a Unix socket.'),
                ('state', 'What the sender does: streaming, catchup and so on.'),
                ('connected_at', 'Since when its reader is connected.'),
                ('is_standby', 'Whether this is a standby.'),
                ('position', 'Where the log ends, or how far a standby has replayed it.'),
                ('wal_level', 'Must be logical.'),
                ('is_published', 'Whether the publication quire_feed is there.'),
                ('servers', 'How many servers read the log here now.'),
                ('divergence_at', 'When two servers were last found to hold different versions; null: not within 30 days.'),
                ('texts', 'How many documents have their text in quire.document_text.')
        ) s (name, says) on s.name = a.attname
        where k.relnamespace = 'quire'::regnamespace
        and k.relname in (
            'edit_log', 'document_activity', 'author_activity', 'organisation_activity', 'document_storage',
            'current_text', 'feed_slot', 'feed_state'
        )
        and col_description(k.oid, a.attnum) is null
    loop
        execute format('comment on column quire.%I.%I is %L', c.relname, c.attname, c.says);
    end loop;
end
$$;
