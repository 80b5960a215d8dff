//! Which servers must be there, and of which version, before an organisation moves: by what they say in the log.

use std::time::Duration;

use quire::error::Kind;
use quire::moving;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::refused::{Sides, refusal};
use crate::kit::postgres::Database;

/// A server that does nothing but say that it lives, until it is dropped.
struct Speaker(JoinHandle<()>);

impl Speaker {
    /// Without a version it is one of those that said none.
    async fn at(database: &Database, address: &str, version: Option<&str>) -> Self {
        Self::of_messages(database, vec![heartbeat(Uuid::new_v4(), address, version)]).await
    }

    /// It says these one after the other, and then the last again and again.
    async fn of_messages(database: &Database, messages: Vec<Vec<u8>>) -> Self {
        let client = database.connect().await;
        let sql = "select pg_logical_emit_message(true, 'quire', $1::bytea)";
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        Self(tokio::spawn(async move {
            let mut number = 0;
            loop {
                ticks.tick().await;
                let message = &messages[number.min(messages.len() - 1)];
                client.query(sql, &[message]).await.expect("said");
                number += 1;
            }
        }))
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// As src/presence/message.rs writes it.
fn heartbeat(server_id: Uuid, address: &str, version: Option<&str>) -> Vec<u8> {
    let with_length = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat();
    let vitals = version.map(|version| {
        let vitals = serde_json::json!({ "version": version }).to_string();
        with_length(vitals.as_bytes())
    });
    [
        &[1][..],
        server_id.as_bytes(),
        &[0],
        &with_length(address.as_bytes()),
        &0_u32.to_be_bytes(),
        &vitals.unwrap_or_default(),
    ]
    .concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_moves_while_a_server_is_too_old_or_nobody_would_serve_it() {
    let sides = Sides::found().await;
    let settings = sides.settings();
    let (kind, says) = refusal(&settings).await;
    assert_eq!(kind, Kind::Setting, "{says}");
    assert!(says.contains("the target: no server was heard"), "{says}");
    let new = Some(env!("CARGO_PKG_VERSION"));
    let _new = Speaker::at(&sides.to, "http://new.example", new).await;
    for (side, database) in [("source", &sides.from), ("target", &sides.to)] {
        for (version, called) in [(Some("0.0.9"), "0.0.9"), (None, "an older one")] {
            let _old = Speaker::at(database, "http://old.example", version).await;
            let (kind, says) = refusal(&settings).await;
            assert_eq!(kind, Kind::Setting, "{says}");
            let expected = format!(
                "the {side}: these servers are too old to know where an organisation is served: http://old.example ({called})"
            );
            assert!(says.contains(&expected), "{says}");
        }
    }
    sides.are_as_before().await;
    // At the source there may be none.
    moving::run(&settings, |_| {}).await.expect("it moves");
}

/// How often a slow server says that it lives before it says its version: for three seconds.
const LATE: usize = 15;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_its_version_late_is_not_taken_for_an_old_one() {
    let sides = Sides::found().await;
    let new = Some(env!("CARGO_PKG_VERSION"));
    let _new = Speaker::at(&sides.to, "http://new.example", new).await;
    let of_slow = |version| heartbeat(Uuid::from_u128(1), "http://slow.example", version);
    let mut messages = vec![of_slow(None); LATE];
    messages.push(of_slow(new));
    let _slow = Speaker::of_messages(&sides.from, messages).await;
    let moved = moving::run(&sides.settings(), |_| {}).await;
    moved.expect("it moves");
}
