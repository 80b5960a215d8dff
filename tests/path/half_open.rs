//! Whoever is gone without a word while the connection stays open: nothing comes any more, and nobody
//! is told.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use loro::LoroValue;
use quire::client::{Address, Client};
use tokio_tungstenite::tungstenite::Message as WsMessage;

use crate::faults::link::{Link, Manner, Target};
use crate::kit::server::World;

/// How long a person's silence is borne, and what a busy machine may add to it.
const LEASE: Duration = Duration::from_secs(30 + 6);

fn keys(shown: &[(String, LoroValue)], key: &str) -> bool {
    shown.iter().any(|(name, _)| name == key)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_gone_behind_an_open_connection_is_shown_no_longer_than_the_lease() {
    let world = World::with_servers(2).await;
    let owner = &world.office.owner;
    let authority = world.address(0).authority().to_owned();
    let link = Link::to(Target::Tcp(authority)).await;
    let through = Address::parse(&format!("http://{}", link.address())).expect("an address");
    let ghost = world.client_of(vec![through], owner, "ghost").await;
    let alive = world.client(0, owner, "alive").await;
    let watchers = [
        world.client(0, owner, "watcher").await,
        world.client(1, owner, "watcher").await,
    ];
    let here = loro::loro_value!({"anchor": null, "focus": null});
    let key = |client: &Client| client.peer().expect("a lease").to_string();
    let (ghostly, living) = (key(&ghost), key(&alive));
    ghost.show(here.clone());
    alive.show(here);
    for watcher in &watchers {
        let both = |shown: &[_]| keys(shown, &ghostly) && keys(shown, &living);
        watcher.shown_is(both).await.expect("shown");
    }
    link.behave(Manner::Swallows, Manner::Swallows);
    for watcher in &watchers {
        let gone = watcher.shown_is(|shown| !keys(shown, &ghostly));
        tokio::time::timeout(LEASE, gone)
            .await
            .expect("gone within its lease")
            .expect("told");
        let stays = watcher.shown_is(|shown| keys(shown, &living));
        stays.await.expect("whoever speaks is still there");
    }
    ghost.close().await;
    alive.close().await;
    for watcher in watchers {
        watcher.close().await;
    }
    world.stop().await;
}

#[tokio::test]
async fn a_ping_of_the_transport_is_answered() {
    let world = World::with_servers(1).await;
    let (mut stream, _) = tokio_tungstenite::connect_async(world.address(0).sync_url())
        .await
        .expect("connected");
    let ping = WsMessage::Ping("here?".into());
    stream.send(ping).await.expect("sent");
    let answer = stream.next().await.expect("open").expect("readable");
    assert_eq!(answer, WsMessage::Pong("here?".into()));
    drop(stream);
    world.stop().await;
}
