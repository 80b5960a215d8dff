-- Since when the database has had its log. After a failover or a restore that lost commits, a peer's newest
-- operations may be gone here and still stand in the copy of a client that is away: under the peer's old
-- counters nobody else may write. So the servers note where each log begins, and offer a device the peers
-- that are younger than that.

create table quire.timeline (
    timeline_number bigint generated always as identity,
    system_identifier bigint not null,
    timeline_id integer not null,
    began_at timestamptz not null,
    noted_at timestamptz not null default clock_timestamp(),
    constraint timeline_pkey primary key (timeline_number)
);
comment on table quire.timeline is 'The logs that this database has had, newest last: another one begins with each failover, restore and move to another cluster. Written by the servers.';
comment on column quire.timeline.timeline_number is 'Their order.';
comment on column quire.timeline.system_identifier is 'The cluster, as pg_control_system() tells it.';
comment on column quire.timeline.timeline_id is 'PostgreSQL''s number of the timeline. The same as before when the files of the cluster were set back without one.';
comment on column quire.timeline.began_at is 'Peers that are not younger may lack operations that were lost with the log before; -infinity: the first, nothing was lost.';
comment on column quire.timeline.noted_at is 'When a server noted it (clock of the database).';

insert into quire.timeline (system_identifier, timeline_id, began_at)
select
    system_identifier,
    ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer,
    '-infinity'
from pg_control_system();

-- A client whose copy held what a failover lost, and nobody brought back, starts over and writes its own
-- words again as another peer. A server that still holds the lost ones and comes later must then leave them.
create table quire.given_up_peer (
    org_id uuid not null,
    document_id uuid not null,
    peer_id bigint not null,
    account_id uuid not null,
    given_up_at timestamptz not null default clock_timestamp(),
    constraint given_up_peer_pkey primary key (org_id, document_id, peer_id)
);
comment on table quire.given_up_peer is 'Peers whose lost operations their author has written again as another peer: no server puts them back any more.';
comment on column quire.given_up_peer.org_id is 'The organisation of the document.';
comment on column quire.given_up_peer.document_id is 'The document.';
comment on column quire.given_up_peer.peer_id is 'The Loro peer id: its 64 bits read as a signed number.';
comment on column quire.given_up_peer.account_id is 'Who gave it up.';
comment on column quire.given_up_peer.given_up_at is 'When (clock of the database).';
