//! The Rust client at real servers: what it promises to replays and fault tests.

use std::time::Duration;

use bytes::Bytes;
use quire::client::{Address, Client, Options};
use quire::error::Kind;
use quire::replay::synthetic::Typist;
use rustix::process::{Pid, Signal, kill_process};

use crate::kit::postgres::Database;
use crate::kit::random;
use crate::kit::server::{World, serve, shows};

/// Makes so many edits of a typist.
fn type_on(client: &Client, typist: &mut Typist, edits: usize) {
    for _ in 0..edits {
        client
            .edit(|editor| {
                let length = editor.change(|doc| quire::document::model::body(doc).len_unicode());
                let edit = typist.next_edit(length);
                editor.replace(edit.position, edit.deleted, &edit.inserted)
            })
            .expect("an edit");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_goes_on_at_another_server_and_loses_nothing() {
    let seed = random::seed();
    let mut world = World::with_servers(2).await;
    let addresses = vec![world.address(0), world.address(1)];
    let owner = &world.office.owner;
    let writer = world.client_of(addresses, owner, "writer").await;
    let peer = writer.peer();
    let mut typist = Typist::new(seed);
    type_on(&writer, &mut typist, 300);
    // Some of it is on its way, some of it is not even sent.
    let stopping = world.servers.remove(0);
    let stop = tokio::spawn(stopping.stop());
    type_on(&writer, &mut typist, 300);
    writer.settled().await.expect("all acknowledged");
    stop.await.expect("stopped");
    assert_eq!(writer.peer(), peer, "the lease moved along");
    let reader = world.client(0, &world.office.owner, "reader").await;
    // Durable is what it is; this server's feed may be a moment behind.
    let text = writer.text();
    let has_it = |doc: &loro::LoroDoc| quire::document::blocks::plain_text(doc) == text;
    reader.document_is(has_it).await.expect("nothing is lost");
    assert_ne!(reader.peer(), peer, "no two write with one peer");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paste_larger_than_a_message_arrives_in_fragments() {
    let world = World::with_servers(2).await;
    let writer = world.client(0, &world.office.owner, "writer").await;
    let reader = world.client(1, &world.office.owner, "reader").await;
    // Text that no encoding makes small.
    let mut random = random::Random::new(random::seed());
    let paste: String = (0..100_000)
        .map(|_| char::from_u32(0x4e00 + random.below(20_000) as u32).expect("a character"))
        .collect();
    writer
        .edit(|editor| editor.insert(0, &paste))
        .expect("a paste");
    writer.settled().await.expect("acknowledged");
    shows(&reader, &paste).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_always_refused_ends_the_client_and_not_the_document() {
    let world = World::with_servers(1).await;
    let bad = world.client(0, &world.office.owner, "bad").await;
    bad.edit(|editor| {
        editor.send_unchecked(Bytes::from_static(b"this is no update"), 1);
        Ok(())
    })
    .expect("queued");
    let error = bad.settled().await.expect_err("it gives up");
    assert_eq!(error.kind(), Kind::Invalid, "{error}");
    let good = world.client(0, &world.office.owner, "good").await;
    good.edit(|editor| editor.insert(0, "still here"))
        .expect("an edit");
    good.settled().await.expect("acknowledged");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cursors_are_seen_at_another_server_and_go_with_their_client() {
    let world = World::with_servers(2).await;
    let ada = world.client(0, &world.office.owner, "ada").await;
    let bob = world.client(1, &world.office.owner, "bob").await;
    let key = ada.peer().expect("a lease").to_string();
    ada.show(loro::loro_value!({"anchor": null, "focus": null}));
    let is_there = |shown: &[(String, loro::LoroValue)]| shown.iter().any(|(name, _)| *name == key);
    bob.shown_is(is_there).await.expect("shown");
    ada.close().await;
    bob.shown_is(|shown| !is_there(shown)).await.expect("gone");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_a_server_that_hangs_closes_in_bounded_time() {
    let world = World::on(Database::new().await, 0).await;
    let server = serve(&world.database.url, &[]).await;
    let server = server.expect("the server starts");
    let address = Address::parse(server.address()).expect("an address");
    let token = world.office.owner.token.reveal();
    let room = world.office.room();
    let client = Client::start(Options::new(vec![address], &token, &room, "a"));
    client.joined().await.expect("joined");
    let pid = Pid::from_raw(server.pid().expect("it runs") as i32).expect("a process");
    kill_process(pid, Signal::STOP).expect("it hangs");
    tokio::time::timeout(Duration::from_secs(30), client.close())
        .await
        .expect("it does not wait for ever");
}
