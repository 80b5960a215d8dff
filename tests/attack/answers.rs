//! Who asks and never reads what is answered.

use std::time::Duration;

use quire::protocol::RoomKind;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::stage::Stage;
use crate::kit::socket::Socket;

/// Memory that an attack may cost, whatever it does: some connections' outboxes and buffers.
const MOST_BYTES: usize = 96 << 20;
const CONNECTIONS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_reads_the_answers_fills_no_memory_and_nobody_else_notices() {
    let stage = Stage::set().await;
    let alone = stage.type_on().await;
    let before = stage.resident_bytes();
    let mut attacks = JoinSet::new();
    for number in 0..CONNECTIONS {
        let (address, token) = (stage.address(), stage.attacker.token.clone());
        let room = stage.attacker.room();
        attacks.spawn(async move {
            let mut socket = Socket::join_narrow(&address, &token, &room).await;
            // Half of them ask for rooms that they are not in, which costs no more than an answer.
            if number % 2 == 0 {
                socket.turn_to(RoomKind::Ephemeral);
            }
            loop {
                socket.send_update(b"nothing that anybody could read").await;
            }
        });
    }
    let attacked = stage.type_on().await;
    let grown = stage.resident_bytes().saturating_sub(before);
    assert!(grown < MOST_BYTES, "{grown} bytes");
    stage.end("answers", &alone, &attacked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_not_signed_in_is_cut_off_after_some_messages_and_leaves_no_fragments() {
    let stage = Stage::set().await;
    let room = stage.attacker.room();
    let mut socket = Socket::connect(&stage.address(), RoomKind::Document, &room).await;
    for _ in 0..100 {
        socket.send_update(b"x").await;
    }
    let ended = timeout(Duration::from_secs(30), socket.ended()).await;
    assert_eq!(ended.expect("cut off"), 4401);
    // What it may not write is not kept either.
    let before = stage.resident_bytes();
    let mut sockets = Vec::new();
    for _ in 0..8 {
        let mut socket = Socket::connect(&stage.address(), RoomKind::Document, &room).await;
        let sending = socket.send_unfinished(64, 250_000);
        let _ = timeout(Duration::from_secs(20), sending).await;
        sockets.push(socket);
    }
    let grown = stage.resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes");
}
