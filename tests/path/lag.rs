//! A server that does not hear the log says so, sends its clients to one that does, and comes back.

use std::time::Duration;

use quire::client::Address;
use rustix::process::{Pid, Signal, kill_process};

use super::type_text;
use crate::http::site::exchange;
use crate::kit::postgres::{Cluster, Version};
use crate::kit::server::{World, readiness, shows};
use crate::kit::socket::Socket;

const PATIENCE: Duration = Duration::from_secs(60);

/// The servers that one of them gives to clients.
async fn servers(address: &Address) -> String {
    let host = address.authority();
    let request =
        format!("GET /api/v1/servers HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let answer = exchange(host.parse().expect("an address"), &request).await;
    String::from_utf8(answer.body).expect("text")
}

async fn until(mut is_so: impl AsyncFnMut() -> bool, what: &str) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_feed_stands_still_leaves_rotation_and_comes_back() {
    let cluster = Cluster::start(Version::usual(), &[]);
    let world = World::on(cluster.database().await, 2).await;
    let both = [world.address(0), world.address(1)];
    for (own, other) in [(0, 1), (1, 0)] {
        let other = both[other].origin();
        until(
            async || servers(&both[own]).await.contains(&other),
            "they know each other",
        )
        .await;
    }
    let owner = &world.office.owner;
    let writer = world.client_of(both.to_vec(), owner, "writer").await;
    writer.settled().await.expect("acknowledged");
    let room = world.office.room();
    let mut at = [
        Socket::join(&both[0], &owner.token, &room).await,
        Socket::join(&both[1], &owner.token, &room).await,
    ];
    let admin = world.pool.get().await.expect("a connection");
    let sender: i32 = admin
        .query_one("select min(pid) from pg_stat_replication", &[])
        .await
        .expect("senders")
        .get(0);
    let sender = Pid::from_raw(sender).expect("a process");
    kill_process(sender, Signal::STOP).expect("it stands still");

    // The one that hears nothing sends its clients away; the other keeps them.
    let [first, second] = &mut at;
    let (deaf, code) = tokio::time::timeout(PATIENCE, async {
        tokio::select! {
            code = first.ended() => (0, code),
            code = second.ended() => (1, code),
        }
    })
    .await
    .expect("it notices");
    let (deaf, well) = (&both[deaf], &both[1 - deaf]);
    assert_eq!(code, 4001);
    assert_eq!(readiness(&deaf.origin()).await, Some(503));
    assert_eq!(readiness(&well.origin()).await, Some(200));
    until(
        async || !servers(well).await.contains(&deaf.origin()),
        "it leaves the list",
    )
    .await;
    // Whoever was there goes on at the other one, and sees what is written there.
    let there = vec![well.clone()];
    let bob = world.client_of(there, owner, "bob").await;
    type_text(&bob, "meanwhile ");
    shows(&writer, "meanwhile ").await;

    kill_process(sender, Signal::CONT).expect("it goes on");
    until(
        async || readiness(&deaf.origin()).await == Some(200),
        "it is ready",
    )
    .await;
    until(
        async || servers(well).await.contains(&deaf.origin()),
        "it is in the list again",
    )
    .await;
    let carol = world.client_of(vec![deaf.clone()], owner, "carol").await;
    shows(&carol, "meanwhile ").await;
    type_text(&bob, "and now");
    shows(&carol, "meanwhile and now").await;
    world.stop().await;
}
