-- A small installation of which everything is known: what the questions of sql/README.md are asked of.
-- Organisation Press: Ada owns it, Ben is a member, Cleo was a guest for two days, Eve came by a link.
-- Organisation Elsewhere: Dora. Everything happens in March 2026, by UTC.

set timezone = 'UTC';

create or replace function pg_temp.at(at timestamptz) returns void language sql as $$
    update quire.audit set created_at = at where created_at > '2026-04-01';
    update quire.event set created_at = at where created_at > '2026-04-01';
$$;

-- What sees all that was written until now, in this transaction too.
create or replace function pg_temp.seen() returns pg_snapshot language sql as $$
    select format('%1$s:%1$s:', pg_current_xact_id()::text::numeric + 1)::pg_snapshot
$$;

-- Edits of one peer, one a minute, of which each is a character's update of 90 bytes.
create or replace function pg_temp.write(
    org uuid, document uuid, account uuid, session uuid, peer bigint, since timestamptz, count integer, inserted integer, deleted integer
) returns void language sql as $$
    insert into quire.peer (org_id, document_id, peer_id, account_id, device, session_id, next_counter, created_at)
    values (org, document, peer, account, 'desk', session, count * (inserted + deleted), since);
    insert into quire.edit (
        org_id, document_id, account_id, session_id, peer_id, counter_start, counter_end, inserted, deleted, created_at, update
    )
    select
        org, document, account, session, peer, (i - 1) * (inserted + deleted), i * (inserted + deleted), inserted, deleted,
        since + (i - 1) * interval '1 minute', decode(repeat('ab', 90), 'hex')
    from generate_series(1, count) i;
$$;

insert into quire.organisation (org_id, name, created_at, default_role)
values
    ('a0000000-0000-0000-0000-000000000001', 'Press', '2026-03-01 08:00', 'none'),
    ('a0000000-0000-0000-0000-000000000002', 'Elsewhere', '2026-03-01 08:00', 'edit');
insert into quire.account (account_id, name, color, created_at)
values
    ('b0000000-0000-0000-0000-000000000001', 'Ada', '#aa0000', '2026-03-01 08:00'),
    ('b0000000-0000-0000-0000-000000000002', 'Ben', '#00aa00', '2026-03-01 08:00'),
    ('b0000000-0000-0000-0000-000000000003', 'Cleo', '#0000aa', '2026-03-02 12:00'),
    ('b0000000-0000-0000-0000-000000000004', 'Dora', '#aaaa00', '2026-03-01 08:00'),
    ('b0000000-0000-0000-0000-000000000005', 'Eve', '#00aaaa', '2026-03-03 11:00');
insert into quire.login (account_id, email, password_hash)
values ('b0000000-0000-0000-0000-000000000001', 'ada@press.example', 'the hash of a password');
insert into quire.session (session_id, account_id, token_hash, kind, name, created_at, last_seen_at, expires_at, ended_at)
values
    ('c0000000-0000-0000-0000-000000000001', 'b0000000-0000-0000-0000-000000000001', 'hash 1', 'browser', '', '2026-03-02 08:55', '2026-03-02 17:58', '2026-03-16 17:58', '2026-03-02 18:00'),
    ('c0000000-0000-0000-0000-000000000002', 'b0000000-0000-0000-0000-000000000002', 'hash 2', 'browser', '', '2026-03-02 09:55', '2026-03-03 19:40', '2026-03-17 19:40', '2026-03-03 20:00'),
    ('c0000000-0000-0000-0000-000000000003', 'b0000000-0000-0000-0000-000000000002', 'hash 3', 'token', 'import', '2026-03-01 09:00', '2026-03-03 14:20', '2036-03-01 09:00', null),
    ('c0000000-0000-0000-0000-000000000004', 'b0000000-0000-0000-0000-000000000004', 'hash 4', 'browser', '', '2026-03-02 09:20', '2026-03-02 09:50', '2026-03-16 09:50', '2026-03-16 09:50');
delete from quire.audit;
delete from quire.event;

select set_config('quire.account_id', 'b0000000-0000-0000-0000-000000000001', false);
insert into quire.member (org_id, account_id, role, created_at)
values
    ('a0000000-0000-0000-0000-000000000001', 'b0000000-0000-0000-0000-000000000001', 'owner', '2026-03-01 08:00'),
    ('a0000000-0000-0000-0000-000000000002', 'b0000000-0000-0000-0000-000000000004', 'owner', '2026-03-01 08:00');
select pg_temp.at('2026-03-01 08:00');
insert into quire.member (org_id, account_id, role, created_at)
values ('a0000000-0000-0000-0000-000000000001', 'b0000000-0000-0000-0000-000000000002', 'member', '2026-03-01 08:10');
select pg_temp.at('2026-03-01 08:10');
insert into quire.folder (org_id, folder_id, name, created_by, created_at)
values ('a0000000-0000-0000-0000-000000000001', 'f0000000-0000-0000-0000-000000000001', 'Finance', 'b0000000-0000-0000-0000-000000000001', '2026-03-01 08:30');
insert into quire.document (org_id, document_id, title, created_by, created_at, folder_id)
values
    ('a0000000-0000-0000-0000-000000000001', 'd0000000-0000-0000-0000-000000000001', 'Minutes', 'b0000000-0000-0000-0000-000000000001', '2026-03-01 08:30', null),
    ('a0000000-0000-0000-0000-000000000001', 'd0000000-0000-0000-0000-000000000002', 'Budget', 'b0000000-0000-0000-0000-000000000001', '2026-03-01 08:30', 'f0000000-0000-0000-0000-000000000001'),
    ('a0000000-0000-0000-0000-000000000001', 'd0000000-0000-0000-0000-000000000003', 'Draft', 'b0000000-0000-0000-0000-000000000001', '2026-03-01 08:30', null),
    ('a0000000-0000-0000-0000-000000000002', 'd0000000-0000-0000-0000-000000000004', 'Recipes', 'b0000000-0000-0000-0000-000000000004', '2026-03-01 08:30', null);
update quire.access_grant set created_at = '2026-03-01 08:30';
delete from quire.audit where action = 'grant_changed';
select pg_temp.at('2026-03-01 08:30');
insert into quire.access_grant (org_id, document_id, account_id, role, created_by, created_at)
values ('a0000000-0000-0000-0000-000000000001', 'd0000000-0000-0000-0000-000000000001', 'b0000000-0000-0000-0000-000000000002', 'edit', 'b0000000-0000-0000-0000-000000000001', '2026-03-01 09:00');
select pg_temp.at('2026-03-01 09:00');
insert into quire.org_group (org_id, group_id, name, created_at)
values ('a0000000-0000-0000-0000-000000000001', 'e0000000-0000-0000-0000-000000000001', 'Accounting', '2026-03-01 09:05');
insert into quire.org_group_member (org_id, group_id, account_id, created_at)
values ('a0000000-0000-0000-0000-000000000001', 'e0000000-0000-0000-0000-000000000001', 'b0000000-0000-0000-0000-000000000002', '2026-03-01 09:05');
insert into quire.access_grant (org_id, folder_id, group_id, role, created_by, created_at)
values ('a0000000-0000-0000-0000-000000000001', 'f0000000-0000-0000-0000-000000000001', 'e0000000-0000-0000-0000-000000000001', 'edit', 'b0000000-0000-0000-0000-000000000001', '2026-03-01 09:05');
select pg_temp.at('2026-03-01 09:05');

select pg_temp.write('a0000000-0000-0000-0000-000000000001', 'd0000000-0000-0000-0000-000000000001', 'b0000000-0000-0000-0000-000000000001', 'c0000000-0000-0000-0000-000000000001', 1, '2026-03-02 09:00', 60, 5, 0);
select pg_temp.write('a0000000-0000-0000-0000-000000000002', 'd0000000-0000-0000-0000-000000000004', 'b0000000-0000-0000-0000-000000000004', 'c0000000-0000-0000-0000-000000000004', 2, '2026-03-02 09:30', 20, 7, 0);
select pg_temp.write('a0000000-0000-0000-0000-000000000001', 'd0000000-0000-0000-0000-000000000001', 'b0000000-0000-0000-0000-000000000002', 'c0000000-0000-0000-0000-000000000002', 3, '2026-03-02 10:00', 30, 3, 1);

insert into quire.member (org_id, account_id, role, created_at)
values ('a0000000-0000-0000-0000-000000000001', 'b0000000-0000-0000-0000-000000000003', 'guest', '2026-03-02 12:00');
select pg_temp.at('2026-03-02 12:00');
insert into quire.access_grant (org_id, document_id, account_id, role, created_by, created_at)
values ('a0000000-0000-0000-0000-000000000001', 'd0000000-0000-0000-0000-000000000001', 'b0000000-0000-0000-0000-000000000003', 'view', 'b0000000-0000-0000-0000-000000000001', '2026-03-02 12:05');
select pg_temp.at('2026-03-02 12:05');

insert into quire.share_link (org_id, link_id, document_id, token_hash, role, created_by, created_at)
values ('a0000000-0000-0000-0000-000000000001', '10000000-0000-0000-0000-000000000001', 'd0000000-0000-0000-0000-000000000002', 'hash of a link', 'view', 'b0000000-0000-0000-0000-000000000001', '2026-03-03 10:00');
select pg_temp.at('2026-03-03 10:00');
select set_config('quire.account_id', 'b0000000-0000-0000-0000-000000000005', false);
insert into quire.share_link_visit (org_id, link_id, account_id, opened_at)
values ('a0000000-0000-0000-0000-000000000001', '10000000-0000-0000-0000-000000000001', 'b0000000-0000-0000-0000-000000000005', '2026-03-03 11:00');
select pg_temp.at('2026-03-03 11:00');
select pg_temp.write('a0000000-0000-0000-0000-000000000001', 'd0000000-0000-0000-0000-000000000002', 'b0000000-0000-0000-0000-000000000002', 'c0000000-0000-0000-0000-000000000003', 4, '2026-03-03 14:00', 40, 20, 0);
select pg_temp.write('a0000000-0000-0000-0000-000000000001', 'd0000000-0000-0000-0000-000000000003', 'b0000000-0000-0000-0000-000000000001', 'c0000000-0000-0000-0000-000000000001', 5, '2026-03-02 16:00', 10, 2, 0);
select set_config('quire.account_id', 'b0000000-0000-0000-0000-000000000001', false);
update quire.share_link set revoked_at = '2026-03-03 18:00';
select pg_temp.at('2026-03-03 18:00');
insert into quire.document_text (org_id, document_id, text, words, version, seen, system_identifier, written_at)
select t.org_id, t.document_id, t.text, quire.text_words(t.text), '\x00', pg_temp.seen(), c.system_identifier, '2026-03-03 15:00'
from (
    values
        ('a0000000-0000-0000-0000-000000000001'::uuid, 'd0000000-0000-0000-0000-000000000001'::uuid, E'Minutes of March\nThe budget was approved.'),
        ('a0000000-0000-0000-0000-000000000001', 'd0000000-0000-0000-0000-000000000002', E'Budget\nRent, paper and a budget for ink.'),
        ('a0000000-0000-0000-0000-000000000001', 'd0000000-0000-0000-0000-000000000003', 'A draft of the budget speech.'),
        ('a0000000-0000-0000-0000-000000000002', 'd0000000-0000-0000-0000-000000000004', 'Soup on a budget.')
) t (org_id, document_id, text)
cross join pg_control_system() c;
update quire.document set deleted_at = '2026-03-04 09:00' where title = 'Draft';
select pg_temp.at('2026-03-04 09:00');
delete from quire.member where account_id = 'b0000000-0000-0000-0000-000000000003';
select pg_temp.at('2026-03-04 12:00');
insert into quire.snapshot (org_id, document_id, seen, system_identifier, bytes, snapshot, created_at)
select 'a0000000-0000-0000-0000-000000000001', 'd0000000-0000-0000-0000-000000000001', pg_temp.seen(), c.system_identifier, 700, decode(repeat('cd', 700), 'hex'), '2026-03-03 15:00'
from pg_control_system() c;
