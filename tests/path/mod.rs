//! The whole path: clients on real WebSockets, servers, Postgres, and back.

mod authority;
mod clocks;
mod convergence;
mod cutover;
mod departed;
mod encrypted;
mod failover;
mod faults;
mod folds_killed;
mod full_disk;
mod half_open;
mod lag;
mod large;
mod migration;
mod missed;
mod overview;
mod peers;
mod proportion;
mod published;
mod restored;
pub mod retention;
mod rolling;
mod scale;
mod scaled;
mod slow_reader;
mod standbys;
mod storm;
mod unreadable;

use crate::kit::people::Person;
use crate::kit::server::{World, shows};
use crate::kit::socket::Socket;
use quire::client::Client;
use quire::protocol::RoomKind;

/// Types at the end of the client's text.
fn type_text(client: &Client, text: &str) {
    client
        .edit(|editor| {
            let end = client_length(editor);
            editor.insert(end, text)
        })
        .expect("typed");
}

fn client_length(editor: &mut quire::client::Editor<'_>) -> usize {
    editor.change(|doc| quire::document::blocks::plain_text(doc).chars().count())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_typed_on_one_server_is_read_on_the_other() {
    let world = World::with_servers(2).await;
    let bob: Person = world.office.member(&world.pool, "Bob").await;
    let ada = world.client(0, &world.office.owner, "ada").await;
    let bob = world.client(1, &bob, "bob").await;
    ada.settled().await.expect("acknowledged");
    type_text(&ada, "Hello");
    shows(&bob, "Hello").await;
    type_text(&bob, ", Ada");
    shows(&ada, "Hello, Ada").await;
    ada.settled().await.expect("acknowledged");
    bob.settled().await.expect("acknowledged");
    let late = world.client(0, &world.office.owner, "late").await;
    shows(&late, "Hello, Ada").await;
    world.stop().await;
}

#[tokio::test]
async fn a_connection_on_which_nobody_signs_in_is_closed() {
    let world = World::with_servers(1).await;
    let room = world.office.room();
    let mut silent = Socket::connect(&world.address(0), RoomKind::Document, &room).await;
    let mut talking = Socket::connect(&world.address(0), RoomKind::Document, &room).await;
    let closed = tokio::time::timeout(std::time::Duration::from_secs(30), silent.ended()).await;
    assert_eq!(closed.expect("not kept for ever"), 4401);
    talking.ask_to_join("nobody's token").await;
    assert_eq!(
        talking.ended().await,
        4401,
        "asking in vain does not keep it"
    );
    world.stop().await;
}
