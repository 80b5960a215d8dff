//! What the feed did not bring, and the copies that the trial holds.

use std::time::Duration;

use quire::client::Client;

use crate::kit::pause;
use crate::kit::postgres::{Cluster, Version};
use crate::kit::server::{World, counted, shows};

const APPLIED: &str = "quire_edits_applied_total ";

async fn write(client: &Client, text: &str) {
    let end = client.text().chars().count();
    client
        .edit(|editor| editor.insert(end, text))
        .expect("an edit");
    client.settled().await.expect("acknowledged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_writes_on_what_the_feed_missed_is_not_refused_for_ever() {
    let cluster = Cluster::start(Version::usual(), &[]);
    let world = World::on(cluster.database().await, 2).await;
    let bob = world.office.member(&world.pool, "Bob").await;
    let reader = world.client(0, &world.office.owner, "reader").await;
    let writer = world.client(1, &bob, "writer").await;
    reader.edit(|editor| editor.create_text()).expect("a text");
    reader.settled().await.expect("acknowledged");
    shows(&writer, "").await;
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
