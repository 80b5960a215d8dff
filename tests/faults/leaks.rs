//! What may not be left behind when everybody has gone.

use std::time::Duration;

use super::check::Verdict;
use super::stage::Stage;
use crate::kit::server::{metric, resident_bytes};

/// How long what is over may take to be gone.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long presence of which nothing more is heard is kept, and what a busy machine may add to it.
const LEASE: Duration = Duration::from_secs(30 + 10);
/// Connections of one server to the database at most: the pool, the feed, and what watches visibility.
const CONNECTIONS: i64 = 10 + 3;
/// Files and sockets of one server when nobody is connected.
const FILES: usize = 80;

/// What a server may have grown by since its first round, for all its documents and whatever came at
/// once: much more than its caches take for the documents of a long campaign.
const GROWTH_BYTES: usize = 256 << 20;

/// Complains of a server that grew.
fn check_memory(stage: &mut Stage, verdict: &mut Verdict) {
    for number in 0..stage.servers.len() {
        let pid = stage.servers[number].pid();
        let now = resident_bytes(pid);
        let first = *stage.memory.entry(pid).or_insert(now);
        if now > first + GROWTH_BYTES {
            verdict.leaks += 1;
            verdict.complain(format!("server {number} grew from {first} to {now} bytes"));
        }
    }
}

/// Once, when no further round is played: presence of whoever was at a killed server is kept for
/// its lease, which a round does not wait for.
pub async fn check_last(stage: &Stage, verdict: &mut Verdict) {
    for (number, seat) in stage.servers.iter().enumerate() {
        let mut value = None;
        let gone = async {
            while value != Some(0) {
                value = metric(&seat.own_address(), "quire_presence_entries").await;
                crate::kit::pause().await;
            }
        };
        if tokio::time::timeout(LEASE, gone).await.is_err() {
            verdict.leaks += 1;
            verdict.complain(format!("server {number} still shows {value:?} people"));
        }
    }
}

/// Waits for what must be gone, and complains of what is not.
pub async fn check(stage: &mut Stage, verdict: &mut Verdict) {
    check_memory(stage, verdict);
    let client = crate::kit::postgres::connect(&stage.url).await;
    let servers = stage.servers.len() as i64;
    let slots = "select count(*) from pg_replication_slots";
    let connections = "select count(*) from pg_stat_activity \
         where datname = current_database() and application_name like 'quire%'";
    for (what, sql, least, most) in [
        ("slots", slots, servers, servers),
        ("connections", connections, 0, servers * CONNECTIONS + 4),
    ] {
        let mut count = -1;
        let gone = async {
            while count < least || count > most {
                count = client.query_one(sql, &[]).await.expect("counted").get(0);
                crate::kit::pause().await;
            }
        };
        if tokio::time::timeout(PATIENCE, gone).await.is_err() {
            verdict.leaks += 1;
            verdict.complain(format!("{count} {what}, not {least} to {most}"));
        }
    }
    for (number, seat) in stage.servers.iter().enumerate() {
        for name in ["quire_connections", "quire_outbox_bytes"] {
            let mut value = None;
            let gone = async {
                while value != Some(0) {
                    value = metric(&seat.own_address(), name).await;
                    crate::kit::pause().await;
                }
            };
            if tokio::time::timeout(PATIENCE, gone).await.is_err() {
                verdict.leaks += 1;
                verdict.complain(format!("server {number}: {name} is {value:?}"));
            }
        }
        // Servers compare their copies themselves, and mend what differs: nothing may.
        let differences = metric(&seat.own_address(), "quire_documents_diverged_total").await;
        if differences != Some(0) {
            verdict.divergent += 1;
            verdict.complain(format!("server {number} found {differences:?} differences"));
        }
        let files =
            std::fs::read_dir(format!("/proc/{}/fd", seat.pid())).map_or(0, Iterator::count);
        if files > FILES {
            verdict.leaks += 1;
            verdict.complain(format!("server {number} has {files} files open"));
        }
    }
}
