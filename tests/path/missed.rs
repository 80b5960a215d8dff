//! What the feed did not bring, and the copies that the trial holds.

use std::time::Duration;

use quire::client::Client;
use tokio::time::timeout;

use crate::kit::pause;
use crate::kit::postgres::{Cluster, Version};
use crate::kit::server::{World, counted, readiness, shows};

const APPLIED: &str = "quire_edits_applied_total ";

async fn write(client: &Client, text: &str) {
    let end = client.text().chars().count();
    client
        .edit(|editor| editor.insert(end, text))
        .expect("an edit");
    client.settled().await.expect("acknowledged");
}

/// A client of each of two servers, with a text.
async fn reader_and_writer(world: &World) -> (Client, Client) {
    let bob = world.office.member(&world.pool, "Bob").await;
    let reader = world.client(0, &world.office.owner, "reader").await;
    let writer = world.client(1, &bob, "writer").await;
    reader.settled().await.expect("acknowledged");
    shows(&writer, "").await;
    (reader, writer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_writes_on_what_the_feed_missed_is_not_refused_for_ever() {
    let cluster = Cluster::start(Version::usual(), &[]);
    let world = World::on(cluster.database().await, 2).await;
    let (reader, writer) = reader_and_writer(&world).await;
    write(&reader, "one ").await;
    shows(&writer, "one ").await;
    write(&writer, "two ").await;
    shows(&reader, "one two ").await;

    // The streams end, and no slot can begin while this transaction is open: what is written now is in no stream.
    let client = world.pool.get().await.expect("a connection");
    let holder = "begin; select pg_current_xact_id()";
    client.batch_execute(holder).await.expect("a transaction");
    let end = "select pg_terminate_backend(active_pid, 10000) from pg_replication_slots where active_pid is not null";
    cluster.execute(end).await;
    write(&writer, "missed ").await;
    // Nobody can read a document's rows for a moment.
    let admin = world.pool.get().await.expect("a connection");
    let away = "alter table quire.fold rename column update to update_away";
    admin.batch_execute(away).await.expect("renamed");
    client.batch_execute("commit").await.expect("committed");
    let streams = "select count(*) = 2 from pg_replication_slots where active and confirmed_flush_lsn is not null";
    cluster.wait_until(streams, Duration::from_secs(60)).await;
    let applied = counted(APPLIED);
    write(&writer, "heard ").await;
    // Both servers have it out of their streams.
    while counted(APPLIED) < applied + 2 {
        pause().await;
    }
    let back = "alter table quire.fold rename column update_away to update";
    admin.batch_execute(back).await.expect("renamed back");

    shows(&reader, "one two missed heard ").await;
    write(&reader, "mine").await;
    shows(&writer, "one two missed heard mine").await;
    world.stop().await;
}

/// Waits until all servers say of themselves that they are, or are not, ready.
async fn all_are(world: &World, is_ready: bool) {
    let look = async {
        for server in &world.servers {
            let address = server.address().to_string();
            while (readiness(&address).await == Some(200)) != is_ready {
                pause().await;
            }
        }
    };
    let looked = timeout(Duration::from_secs(60), look).await;
    assert!(looked.is_ok(), "ready: not {is_ready}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_changed_publication_held_back_is_shown_when_it_is_mended_and_no_server_is_ready_before()
 {
    let world = World::with_servers(2).await;
    let (reader, writer) = reader_and_writer(&world).await;
    let admin = world.database.connect().await;
    let mut text = String::new();
    for (change, mend) in [
        ("drop table quire.edit", "add table quire.edit"),
        ("drop table quire.event", "add table quire.event"),
        ("set (publish = 'update')", "set (publish = 'insert')"),
        (
            "set (publish_via_partition_root = false)",
            "set (publish_via_partition_root = true)",
        ),
        (
            "set table quire.edit where (edit_id < 0), quire.event",
            "set table quire.edit, quire.event",
        ),
    ] {
        // Taken back at once first: nobody need have looked in between.
        for is_seen in [false, true] {
            let alter = |what: &str| format!("alter publication quire_feed {what}");
            admin.batch_execute(&alter(change)).await.expect(change);
            let word = format!("{} ", text.len());
            write(&writer, &word).await;
            text += &word;
            if is_seen {
                all_are(&world, false).await;
            }
            admin.batch_execute(&alter(mend)).await.expect(mend);
            // Nobody types now.
            shows(&reader, &text).await;
            shows(&writer, &text).await;
            all_are(&world, true).await;
        }
    }
    world.stop().await;
}

/// What is not logged is not streamed, and nothing of the publication shows it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_edits_are_not_logged_is_not_ready() {
    let world = World::with_servers(1).await;
    let admin = world.database.connect().await;
    for (form, is_ready) in [("unlogged", false), ("logged", true)] {
        let alter = format!("alter table quire.edit_3 set {form}");
        admin.batch_execute(&alter).await.expect(form);
        all_are(&world, is_ready).await;
    }
    world.stop().await;
}
