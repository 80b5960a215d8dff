//! Rights that are taken away while a server cannot hear of it.

use std::time::Duration;

use loro::LoroValue;
use quire::client::{Client, Options};
use quire::http::create_document;
use quire::protocol::{AckStatus, Message, RoomErrorCode, RoomKind};

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
            crate::kit::pause().await;
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

/// The right is taken away after the look at it, while the document is being loaded: the answer has said by
/// then that he came in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_loses_the_right_while_being_let_in_is_put_out() {
    let world = World::with_servers(1).await;
    let owner = &world.office.owner;
    let watcher = world.pool.get().await.expect("a connection");
    let org_id = world.office.org_id;
    let other = create_document(
        &watcher,
        org_id,
        None,
        owner.session.account_id,
        "Other",
        None,
    )
    .await
    .expect("a document");
    let (address, room) = (world.address(0), world.office.room());
    let elsewhere = format!("{org_id}/{other}");
    let mut options = Options::new(
        vec![address.clone()],
        &owner.token.reveal(),
        &elsewhere,
        "ada",
    );
    options.presence = true;
    let ada = Client::start(options);
    ada.joined().await.expect("joined");
    let (_, token) = members::member(&watcher, org_id, "Bob", "member").await;
    let mut bob = Socket::connect(&address, RoomKind::Document, &room).await;

    let hears = async |title: &str| {
        let new = LoroValue::from(title);
        let is_told = ada.shown_is(|shown| {
            shown.iter().any(|(key, value)| match value {
                LoroValue::Map(values) if key == "quire:document" => {
                    values.get("title") == Some(&new)
                }
                _ => false,
            })
        });
        is_told.await.expect("told");
    };
    hears("Other").await;
    // The feed streams: its slot would wait for the lock.
    let rename = "update quire.document set title = 'Heard'";
    watcher.batch_execute(rename).await.expect("renamed");
    hears("Heard").await;
    let mut holder = world.database.connect().await;
    let hold = holder.transaction().await.expect("a transaction");
    hold.batch_execute("lock table quire.snapshot in access exclusive mode")
        .await
        .expect("locked");
    bob.ask_to_join(&token.reveal()).await;
    let waits = "select count(*) from pg_locks where not granted and database = (
        select oid from pg_database where datname = current_database())";
    let changes = "delete from quire.access_grant where everyone;
        update quire.document set title = 'Renamed'";
    let revoked = async {
        let waiting = async || watcher.query_one(waits, &[]).await.expect("asked");
        while waiting().await.get::<_, i64>(0) == 0 {
            crate::kit::pause().await;
        }
        watcher.batch_execute(changes).await.expect("revoked");
        // What the log brings after it has come.
        hears("Renamed").await;
    };
    tokio::time::timeout(Duration::from_secs(30), revoked)
        .await
        .expect("revoked in time");
    hold.rollback().await.expect("let go");

    let told = async {
        let answer = bob.next().await;
        assert!(
            matches!(answer, Some(Message::JoinResponseOk { .. })),
            "{answer:?}"
        );
        // By the room, and at the end of his join.
        for _ in 0..2 {
            loop {
                match bob.next().await {
                    Some(Message::RoomError { code, .. }) => {
                        break assert_eq!(code, RoomErrorCode::RejoinSuggested);
                    }
                    Some(Message::DocUpdate { .. }) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
        bob.ask_to_join(&token.reveal()).await;
        let answer = bob.next().await;
        assert!(
            matches!(answer, Some(Message::JoinError { .. })),
            "{answer:?}"
        );
    };
    tokio::time::timeout(Duration::from_secs(30), told)
        .await
        .expect("told in time");
    ada.close().await;
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
