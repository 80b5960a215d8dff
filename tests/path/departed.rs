//! Who is gone without a word: those who were at a server that was killed, and those who were just
//! being let in.

use std::time::{Duration, Instant};

use loro::LoroValue;
use quire::client::{Address, Client, Options};
use quire::protocol::RoomKind;

use crate::kit::postgres::{Cluster, Version};
use crate::kit::server::{World, counted, metric, serve};
use crate::kit::socket::Socket;

/// How long a server's silence is borne, and what a busy machine may add to it.
const LEASE: Duration = Duration::from_secs(16 + 6);

/// What takes no lease to end: the database is back, the feed has connected again, and a heartbeat later.
const SOON: Duration = Duration::from_secs(15);

/// How long what is over may take to be gone.
const PATIENCE: Duration = Duration::from_secs(30);

fn here() -> LoroValue {
    loro::loro_value!({"anchor": null, "focus": null})
}

fn keys(shown: &[(String, LoroValue)], key: &str) -> bool {
    shown.iter().any(|(name, _)| name == key)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_at_a_killed_server_is_gone_everywhere_within_its_lease() {
    let world = World::with_servers(1).await;
    let room = world.office.room();
    let doomed = serve(&world.database.url, &[]).await;
    let doomed = doomed.expect("a server");
    let address = Address::parse(doomed.address()).expect("an address");
    let token = world.office.owner.token.reveal();
    let mut options = Options::new(vec![address], &token, &room, "ghost");
    options.presence = true;
    let ghost = Client::start(options);
    ghost.joined().await.expect("joined");
    let bob = world.client(0, &world.office.owner, "bob").await;
    let key = ghost.peer().expect("a lease").to_string();
    ghost.show(here());
    bob.shown_is(|shown| keys(shown, &key))
        .await
        .expect("shown");
    // Dropping it kills it: nothing is said any more.
    let killed = Instant::now();
    drop(doomed);
    let gone = bob.shown_is(|shown| !keys(shown, &key));
    tokio::time::timeout(LEASE, gone)
        .await
        .unwrap_or_else(|_| panic!("a ghost after {:?}", killed.elapsed()))
        .expect("gone");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_left_while_the_database_was_away_is_gone_when_it_is_back() {
    let mut cluster = Cluster::start(Version::usual(), &[]);
    let world = World::on(cluster.database().await, 2).await;
    let owner = &world.office.owner;
    let ghost = world.client(0, owner, "ghost").await;
    let watchers = [
        world.client(0, owner, "bob").await,
        world.client(1, owner, "eve").await,
    ];
    let key = ghost.peer().expect("a lease").to_string();
    ghost.show(here());
    for watcher in &watchers {
        let shown = watcher.shown_is(|shown| keys(shown, &key));
        shown.await.expect("shown");
    }
    let failures = "quire_presence_failures_total ";
    let before = counted(failures);
    cluster.stop();
    ghost.close().await;
    let tried = async {
        while counted(failures) == before {
            crate::kit::pause().await;
        }
    };
    tokio::time::timeout(PATIENCE, tried)
        .await
        .expect("it was to be said");
    let back = Instant::now();
    cluster.start_again();
    for watcher in &watchers {
        let gone = watcher.shown_is(|shown| !keys(shown, &key));
        tokio::time::timeout(SOON, gone)
            .await
            .unwrap_or_else(|_| panic!("a ghost after {:?}", back.elapsed()))
            .expect("gone");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_left_while_feeds_were_away_is_gone_when_they_are_back() {
    // Its own cluster: it cuts every stream in it.
    let cluster = Cluster::start(Version::usual(), &[]);
    let world = World::on(cluster.database().await, 1).await;
    let near = serve(&world.database.url, &[]).await;
    let near = near.expect("a server");
    let join = |device| {
        let address = Address::parse(near.address()).expect("an address");
        let token = world.office.owner.token.reveal();
        let mut options = Options::new(vec![address], &token, &world.office.room(), device);
        options.presence = true;
        Client::start(options)
    };
    let ghost = join("ghost");
    ghost.joined().await.expect("joined");
    let watchers = [
        join("bob"),
        world.client(0, &world.office.owner, "eve").await,
    ];
    let key = ghost.peer().expect("a lease").to_string();
    ghost.show(here());
    for watcher in &watchers {
        let shown = watcher.shown_is(|shown| keys(shown, &key));
        shown.await.expect("shown");
    }
    // No slot comes to be while somebody writes.
    let mut client = world.pool.get().await.expect("a connection");
    let transaction = client.transaction().await.expect("a transaction");
    let write = "select pg_current_xact_id()";
    transaction.batch_execute(write).await.expect("it writes");
    let cut = "select pg_terminate_backend(active_pid, 10000) from pg_replication_slots";
    cluster.execute(cut).await;
    ghost.close().await;
    let said = "quire_presence_messages_total";
    let told = async {
        while metric(near.address(), "quire_connections").await != Some(1) {
            crate::kit::pause().await;
        }
        let before = metric(near.address(), said).await;
        // One may have been on its way.
        while metric(near.address(), said).await < before.map(|count| count + 2) {
            crate::kit::pause().await;
        }
    };
    tokio::time::timeout(PATIENCE, told)
        .await
        .expect("it was said, and heard by nobody");
    for watcher in &watchers {
        let is_shown = watcher.shown_is(|shown| keys(shown, &key));
        is_shown.await.expect("still shown");
    }
    transaction.commit().await.expect("committed");
    for watcher in &watchers {
        let gone = watcher.shown_is(|shown| !keys(shown, &key));
        tokio::time::timeout(SOON, gone)
            .await
            .expect("a ghost")
            .expect("gone");
    }
    world.stop().await;
}

/// So many that some are cut off between their join and its answer.
const PASSERS_BY: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_goes_while_being_let_in_leaves_no_reader_behind() {
    let world = World::with_servers(1).await;
    let room = world.office.room();
    let server = serve(&world.database.url, &[]).await;
    let server = server.expect("a server");
    let address = Address::parse(server.address()).expect("an address");
    let token = world.office.owner.token.reveal();
    let options = Options::new(vec![address.clone()], &token, &room, "author");
    let author = Client::start(options);
    author.joined().await.expect("joined");
    for _ in 0..PASSERS_BY {
        let mut socket = Socket::connect(&address, RoomKind::Ephemeral, &room).await;
        socket.ask_to_join(&token).await;
        // Whoever goes with something unread resets the connection: the answer to the join meets that.
        socket.is_told().await;
        socket.turn_to(RoomKind::Document);
        socket.ask_to_join(&token).await;
    }
    let all_gone = async {
        while metric(server.address(), "quire_connections").await != Some(1) {
            crate::kit::pause().await;
        }
    };
    tokio::time::timeout(PATIENCE, all_gone)
        .await
        .expect("gone");
    // A reader that is still in the room would be kept this for, and never read it.
    super::type_text(&author, "is anybody there?");
    author.settled().await.expect("acknowledged");
    let mut kept = None;
    let nothing_is_kept = async {
        while kept != Some(0) {
            kept = metric(server.address(), "quire_outbox_bytes").await;
            crate::kit::pause().await;
        }
    };
    let nothing_is_kept = tokio::time::timeout(PATIENCE, nothing_is_kept).await;
    assert!(nothing_is_kept.is_ok(), "{kept:?} bytes for nobody");
    author.close().await;
    world.stop().await;
}
