//! Who says of himself that he is everywhere, as fast as he can.

use loro::LoroValue;
use loro::awareness::EphemeralStore;
use quire::protocol::RoomKind;
use tokio::task::JoinSet;

use super::stage::Stage;
use crate::kit::postgres::{Cluster, Version};
use crate::kit::server::metric;
use crate::kit::socket::Socket;

const CONNECTIONS: usize = 8;
/// Log that the attack may cost a second, in bytes: what a server says of presence at most, and some.
const LOG_BYTES_S: f64 = 3e6;

fn entry(key: u64, bytes: usize) -> Vec<u8> {
    let store = EphemeralStore::new(30_000);
    let padding = LoroValue::from("x".repeat(bytes));
    let value = std::collections::HashMap::from([("anchor".to_owned(), padding)]);
    store.set(&key.to_string(), LoroValue::from(value));
    store.encode_all()
}

async fn log_bytes(stage: &Stage) -> i64 {
    let client = stage.pool.get().await.expect("a connection");
    let question = "select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint";
    let row = client.query_one(question, &[]).await.expect("a place");
    row.get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_shows_many_keys_shows_one_and_nobody_else_notices() {
    // A cluster of its own: others' log is not counted.
    let cluster = Cluster::start(Version::usual(), &[]);
    let stage = Stage::on(&cluster.database().await.url).await;
    let alone = stage.type_on().await;
    let mut attacks = JoinSet::new();
    for number in 0..CONNECTIONS as u64 {
        let (address, token) = (stage.address(), stage.attacker.token.clone());
        let room = stage.attacker.room();
        attacks.spawn(async move {
            let mut socket = Socket::connect(&address, RoomKind::Ephemeral, &room).await;
            socket.ask_to_join(&token.reveal()).await;
            socket.next().await;
            for key in 0.. {
                // Some that are read, and some that are too long.
                let bytes = if key % 3 == 0 { 16_000 } else { 800 };
                let update = entry(number << 32 | key, bytes);
                socket.send_update(&update).await;
            }
        });
    }
    let (began, before) = (std::time::Instant::now(), log_bytes(&stage).await);
    let attacked = stage.type_on().await;
    let grown = log_bytes(&stage).await - before;
    let rate = grown as f64 / began.elapsed().as_secs_f64();
    assert!(rate < LOG_BYTES_S, "{rate} bytes of log a second");
    let address = stage.server.address();
    let shown = metric(address, "quire_presence_entries").await;
    let shown = shown.expect("the metric");
    // Each connection's one, for a moment the one before, and the honest ones.
    assert!(shown <= 2 * CONNECTIONS as i64 + 2, "{shown} are shown");
    assert!(shown > 0);
    assert!(attacks.try_join_next().is_none(), "an attacker gave up");
    stage.end("presence", &alone, &attacked).await;
}
