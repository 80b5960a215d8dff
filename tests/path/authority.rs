//! Rights that are taken away while a server cannot hear of it.

use std::time::Duration;

use loro::LoroValue;
use quire::protocol::{AckStatus, Message, RoomKind};

use crate::kit::members;
use crate::kit::postgres::{Cluster, Version};
use crate::kit::server::World;
use crate::kit::socket::Socket;

/// A member who reads the office's document, and sees its cursors.
struct Bob {
    reading: Socket,
    cursors: Socket,
}

impl Bob {
    async fn join(world: &World) -> Self {
        let client = world.pool.get().await.expect("a connection");
        let (_, token) = members::member(&client, world.office.org_id, "Bob", "member").await;
        let (address, room) = (world.address(0), world.office.room());
        let reading = Socket::join(&address, &token, &room).await;
        let mut cursors = Socket::connect(&address, RoomKind::Ephemeral, &room).await;
        cursors.ask_to_join(&token.reveal()).await;
        let joined = cursors.next().await;
        assert!(matches!(joined, Some(Message::JoinResponseOk { .. })));
        Self { reading, cursors }
    }

    /// Waits until he neither reads nor sees cursors any more.
    async fn gets_put_out(mut self, why: &str) {
        tokio::time::timeout(Duration::from_secs(30), self.reading.sent_away())
            .await
            .unwrap_or_else(|_| panic!("{why}: he still reads"));
        tokio::time::timeout(Duration::from_secs(30), put_out(&mut self.cursors))
            .await
            .unwrap_or_else(|_| panic!("{why}: he still sees cursors"));
    }
}

/// Makes changes in the transaction that also cuts the server's stream: the log's record of them lies
/// before the next slot begins.
async fn unheard(cluster: &Cluster, world: &World, changes: &str) {
    let mut client = world.pool.get().await.expect("a connection");
    let transaction = client.transaction().await.expect("a transaction");
    transaction
        .batch_execute(changes)
        .await
        .expect("changed, not committed");
    cluster
        .execute(
            "select pg_terminate_backend(active_pid, 10000) from pg_replication_slots \
             where active_pid is not null",
        )
        .await;
    transaction.commit().await.expect("committed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_that_the_feed_missed_takes_effect_all_the_same() {
    for revocation in [
        "update quire.session set ended_at = now() where account_id = (
            select account_id from quire.account where name = 'Bob')",
        "delete from quire.member where account_id = (
            select account_id from quire.account where name = 'Bob')",
        "delete from quire.access_grant where everyone",
    ] {
        // Its own cluster: it cuts every stream in it.
        let cluster = Cluster::start(Version::usual(), &[]);
        let world = World::on(cluster.database().await, 1).await;
        let bob = Bob::join(&world).await;
        unheard(&cluster, &world, revocation).await;
        bob.gets_put_out(revocation).await;
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_that_could_not_be_looked_up_at_first_is_looked_up_later() {
    let cluster = Cluster::start(Version::usual(), &[]);
    let world = World::on(cluster.database().await, 1).await;
    let bob = Bob::join(&world).await;
    // Sessions can be looked up, rights cannot.
    let changes = "delete from quire.access_grant where everyone;
        alter view quire.document_access rename to hidden_access";
    unheard(&cluster, &world, changes).await;
    // Room and cursors ask when the feed is back, and once more when it has settled.
    let log = cluster.postgres().log();
    let refused = async {
        let refusal = "relation \"quire.document_access\" does not exist";
        while std::fs::read_to_string(&log)
            .expect("it logs")
            .matches(refusal)
            .count()
            < 4
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), refused)
        .await
        .expect("they ask");
    let back = "alter view quire.hidden_access rename to document_access";
    let client = world.pool.get().await.expect("a connection");
    client.batch_execute(back).await.expect("renamed");
    drop(client);
    bob.gets_put_out("looked up later").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_feed_missed_of_title_and_comments_is_told_when_it_is_back() {
    let cluster = Cluster::start(Version::usual(), &[]);
    let world = World::on(cluster.database().await, 1).await;
    let reader = world.client(0, &world.office.owner, "reader").await;
    let shows = |shown: &[(String, LoroValue)], key: &str, field: &str, wanted: &LoroValue| {
        shown.iter().any(|(known, value)| match value {
            LoroValue::Map(values) if known == key => values.get(field) == Some(wanted),
            _ => false,
        })
    };
    let old = LoroValue::from("First draft");
    reader
        .shown_is(|shown| shows(shown, "quire:document", "title", &old))
        .await
        .expect("it listens");
    let changes = "update quire.document set title = 'Renamed';
        insert into quire.comment_thread (org_id, document_id, thread_id, created_by)
        select org_id, document_id, document_id, created_by from quire.document";
    let before = reader.shown();
    unheard(&cluster, &world, changes).await;
    let comments = |shown: &[(String, LoroValue)]| {
        let found = shown.iter().find(|(key, _)| key == "quire:comments");
        found.map(|(_, value)| value.clone())
    };
    let new = LoroValue::from("Renamed");
    let is_told = reader.shown_is(|shown| {
        shows(shown, "quire:document", "title", &new) && comments(shown) != comments(&before)
    });
    tokio::time::timeout(Duration::from_secs(30), is_told)
        .await
        .expect("it is told")
        .expect("it listens");
    world.stop().await;
}

/// Returns when the server takes no cursor from the connection any more, or has closed it.
async fn put_out(cursors: &mut Socket) {
    loop {
        let sent = cursors.send_update(b"a cursor").await;
        loop {
            match cursors.next().await {
                Some(Message::Ack { batch, status }) if batch == sent => {
                    // Out of the room, or not let in after all: the revocation met his joining.
                    if status != AckStatus::Ok {
                        return;
                    }
                    break;
                }
                Some(_) => {}
                None => return,
            }
        }
    }
}
