//! Peers that two connections write with at once, at two servers: an operation's id may mean one
//! thing only, else copies differ for ever without anybody noticing.

use std::collections::BTreeMap;

use loro::{ExportMode, LoroDoc, LoroValue, VersionVector};
use quire::client::Client;
use quire::document::blocks::plain_text;
use quire::document::model::body;
use quire::protocol::AckStatus;

use crate::kit::random::{self, Random};
use crate::kit::server::World;
use crate::kit::socket::Socket;

const ROUNDS: usize = 60;

/// Two people, each with a connection to each of two servers.
struct Stage {
    world: World,
    /// One at each server: they have seen everything as it came, and write nothing.
    readers: Vec<Client>,
    /// By person, then by server.
    sockets: Vec<Vec<Socket>>,
}

impl Stage {
    async fn set() -> Self {
        let world = World::with_servers(2).await;
        let bob = world.office.member(&world.pool, "Bob").await;
        let ada = &world.office.owner;
        let mut readers = Vec::new();
        for server in 0..2 {
            readers.push(world.client(server, ada, &format!("reader {server}")).await);
        }
        // By somebody else: what readers hold came out of their server's feed, so that it can be
        // built upon there.
        let writer = world.client(0, ada, "writer").await;
        writer
            .edit(|editor| editor.insert(0, "common ground"))
            .expect("a text");
        writer.settled().await.expect("acknowledged");
        for reader in &readers {
            reader
                .document_is(|doc| !plain_text(doc).is_empty())
                .await
                .expect("they read it");
        }
        let mut sockets = Vec::new();
        for person in [ada, &bob] {
            let mut own = Vec::new();
            for server in 0..2 {
                let room = world.office.room();
                own.push(Socket::join(&world.address(server), &person.token, &room).await);
            }
            sockets.push(own);
        }
        Self {
            world,
            readers,
            sockets,
        }
    }

    /// A copy of what both servers have: on top of it, both can try what is sent to them.
    async fn copy(&self) -> LoroDoc {
        let copy = self.readers[0].read(LoroDoc::fork);
        let version = copy.oplog_vv();
        self.readers[1]
            .document_is(|doc| doc.oplog_vv() >= version)
            .await
            .expect("the other server has it too");
        copy
    }

    /// Sends one update at each server at the same time, by the people named, and hears the answers.
    async fn race(&mut self, people: [usize; 2], updates: &[Vec<u8>; 2]) -> [AckStatus; 2] {
        let (first, second) = self.sockets.split_at_mut(1);
        let (left, right) = match people {
            [0, 0] | [1, 1] => {
                let own = if people[0] == 0 { first } else { second };
                let (left, right) = own[0].split_at_mut(1);
                (&mut left[0], &mut right[0])
            }
            [0, _] => (&mut first[0][0], &mut second[0][1]),
            [_, _] => (&mut second[0][0], &mut first[0][1]),
        };
        tokio::join!(left.write(&updates[0]), right.write(&updates[1])).into()
    }

    /// The updates of a peer that are rows, in order.
    async fn rows(&self, peer: u64) -> Vec<Vec<u8>> {
        let client = self.world.pool.get().await.expect("a connection");
        client
            .query(
                "select update from quire.edit where peer_id = $1 order by counter_start",
                &[&(peer as i64)],
            )
            .await
            .expect("rows")
            .iter()
            .map(|row| row.get(0))
            .collect()
    }

    /// All rows alone, the copies that saw them arrive, and copies opened now, on both servers.
    async fn check(&self) {
        let client = self.world.pool.get().await.expect("a connection");
        let rows = client
            .query(
                "select update from quire.edit where document_id = $1",
                &[&self.world.office.document_id],
            )
            .await
            .expect("rows");
        let rows: Vec<Vec<u8>> = rows.iter().map(|row| row.get(0)).collect();
        let rebuilt = LoroDoc::new();
        let status = rebuilt.import_batch(&rows).expect("good rows");
        assert!(status.pending.is_none(), "the rows are a whole history");
        let expected = content(&rebuilt);
        for reader in &self.readers {
            reader
                .document_is(|doc| content(doc) == expected)
                .await
                .expect("a live copy is the rows' copy");
        }
        for server in 0..2 {
            let owner = &self.world.office.owner;
            let late = self.world.client(server, owner, "late").await;
            assert_eq!(late.read(content), expected, "what server {server} holds");
        }
    }
}

/// Everything that two copies can differ in: what they show, and whose operations they have.
fn content(doc: &LoroDoc) -> (LoroValue, BTreeMap<u64, i32>) {
    let version = doc.oplog_vv();
    let counters = version.iter().map(|(peer, counter)| (*peer, *counter));
    (doc.get_deep_value(), counters.collect())
}

/// What `peer` writes on its own copy of `base`.
fn write(base: &LoroDoc, peer: u64, text: &str) -> Vec<u8> {
    let copy = base.fork();
    copy.set_peer_id(peer).expect("an idle copy");
    let before: VersionVector = copy.oplog_vv();
    let place = body(&copy);
    place.insert(0, text).expect("inserted");
    copy.commit();
    copy.export(ExportMode::updates(&before)).expect("exported")
}

/// By the peer's owner, or, when the log has brought the other's operations to this server before,
/// by the trial: these operations exist with other content.
fn is_refused(answer: AckStatus) -> bool {
    matches!(
        answer,
        AckStatus::PermissionDenied | AckStatus::InvalidUpdate
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_peer_written_with_at_two_servers_at_once_means_one_thing() {
    let mut random = Random::new(random::seed());
    let mut stage = Stage::set().await;
    for round in 0..ROUNDS {
        let peer = random.bits() >> 1;
        let base = stage.copy().await;
        // Of the same length, so that nothing but the words tells them apart; or of another.
        let longer = "!".repeat(random.below(2) * 3);
        let updates = [
            write(&base, peer, &format!("[left {round:02}]")),
            write(&base, peer, &format!("[rite {round:02}]{longer}")),
        ];
        let people = [random.below(2), random.below(2)];
        let answers = stage.race(people, &updates).await;
        let rows = stage.rows(peer).await;
        assert_eq!(rows.len(), 1, "round {round}: one of them is a row");
        let winner = updates.iter().position(|update| *update == rows[0]);
        let winner = winner.expect("as it was sent");
        assert_eq!(answers[winner], AckStatus::Ok, "round {round}: it is told");
        if people[0] != people[1] {
            let answer = answers[1 - winner];
            assert!(is_refused(answer), "round {round}: not {answer:?}");
        }
        // It tries once more, now that the server knows the other one.
        let loser = &updates[1 - winner];
        stage.race(people, &[loser.clone(), loser.clone()]).await;
        assert_eq!(stage.rows(peer).await, rows, "round {round}: nothing new");
    }
    stage.check().await;
    stage.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_peer_is_refused_while_its_owner_writes_at_the_other_server() {
    let mut random = Random::new(random::seed());
    let mut stage = Stage::set().await;
    for round in 0..ROUNDS {
        let (victim, base) = (random.bits() >> 1, stage.copy().await);
        let first = write(&base, victim, "Ada's first ");
        let server = random.below(2);
        let answer = stage.sockets[0][server].write(&first).await;
        assert_eq!(
            answer,
            AckStatus::Ok,
            "round {round}: at {server}, a new peer"
        );
        stage.readers[0]
            .document_is(|doc| doc.oplog_vv().get(&victim).is_some())
            .await
            .expect("it arrives");
        // Both go on where Ada's operations end.
        let base = stage.copy().await;
        let next = [
            write(&base, victim, "Ada's second "),
            write(&base, victim, "forged again "),
        ];
        let (people, updates, honest) = if server == 0 {
            ([0, 1], next.clone(), 0)
        } else {
            ([1, 0], [next[1].clone(), next[0].clone()], 1)
        };
        let answers = stage.race(people, &updates).await;
        assert_eq!(answers[honest], AckStatus::Ok, "round {round}: the owner's");
        let answer = answers[1 - honest];
        assert!(is_refused(answer), "round {round}: forged, not {answer:?}");
        assert_eq!(stage.rows(victim).await, [first, next[0].clone()]);
    }
    stage.check().await;
    stage.world.stop().await;
}
