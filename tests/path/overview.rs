//! What goes wrong shows in the overview within five seconds: standbys that are paused, slots that
//! nobody reads, servers that lag and servers that are gone.

use std::time::{Duration, Instant};

use quire::client::Address;
use quire::config::Serve;
use quire::dev::ServerProcess;
use quire::postgres::pool;
use quire::server::Server;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::type_text;
use crate::http::site::Visitor;
use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Version, connect};
use crate::kit::server::{World, program};
use crate::kit::standby::Standby;

/// How soon something must show.
const SOON: Duration = Duration::from_secs(5);

/// The owner, at one server.
pub fn owner_at(address: &str, office: &Office) -> Visitor {
    let host = address.trim_start_matches("http://");
    Visitor {
        address: host.parse().expect("an address"),
        token: Some(office.owner.token.reveal()),
        org_id: office.org_id,
        account_id: office.owner.session.account_id,
    }
}

/// The overview as that server gives it.
pub async fn overview(owner: &Visitor) -> Value {
    let answer = owner.get("/api/v1/admin/overview").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Whether an overview finds something of this kind, with these words.
pub fn finds(overview: &Value, check: &str, words: &str) -> bool {
    let findings = overview["findings"].as_array().expect("findings");
    findings.iter().any(|found| {
        let says = found["says"].as_str().expect("words");
        found["check"] == check && says.contains(words)
    })
}

/// Asks until it is so.
async fn soon(owner: &Visitor, what: &str, is_so: impl Fn(&Value) -> bool) {
    let began = Instant::now();
    loop {
        let seen = overview(owner).await;
        if is_so(&seen) {
            return;
        }
        assert!(
            began.elapsed() < SOON,
            "{what}: not within {SOON:?}: {seen:#}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_standby_and_a_slot_that_nobody_reads_show_within_five_seconds() {
    let version = Version::V18;
    let primary = Cluster::start(version, &[]);
    let url = primary.database().await.url;
    let name = url.rsplit('/').next().expect("a name").to_owned();
    let office = Office::open(&pool(&url, 2).expect("a pool")).await;
    let folder = |cluster: &Cluster| cluster.postgres().socket().display().to_string();
    let conninfo = format!("host={} port=5432", folder(&primary));
    let mut standby = Standby::of(&primary, version, &conninfo).await;
    let hosts = [&primary, &standby.cluster].map(folder).join(",");
    let database_url = format!("host={hosts} port=5432 user=quire dbname={name}");
    let server = Server::start(&Serve::with_defaults(&database_url), program()).await;
    let server = server.expect("it starts");
    let owner = owner_at(&server.address().to_string(), &office);
    soon(&owner, "all is well", |seen| {
        seen["replicas"][0]["is_reachable"] == true
            && seen["findings"] == Value::Array(Vec::new())
            && seen["servers"][0]["state"] == "ready"
    })
    .await;

    let standing = connect(&standby.cluster.url(&name)).await;
    for writes in [false, true] {
        if writes {
            let client = connect(&url).await;
            let sql = "create table bulk as select generate_series(1, 1000)";
            client.batch_execute(sql).await.expect("written");
        }
        let pause = "select pg_wal_replay_pause()";
        standing.execute(pause, &[]).await.expect("paused");
        soon(&owner, "a paused standby", |seen| {
            finds(seen, "standbys", "paused") && seen["replicas"][0]["is_paused"] == true
        })
        .await;
        let resume = "select pg_wal_replay_resume()";
        standing.execute(resume, &[]).await.expect("resumed");
        soon(&owner, "it goes on", |seen| {
            !finds(seen, "standbys", "paused")
        })
        .await;
    }

    let client = connect(&url).await;
    let sql = "select pg_create_logical_replication_slot('forgotten', 'pgoutput')";
    client.execute(sql, &[]).await.expect("a slot");
    soon(&owner, "a dead slot", |seen| {
        finds(seen, "idle_slot", "forgotten")
    })
    .await;
    let sql = "select pg_drop_replication_slot('forgotten')";
    client.execute(sql, &[]).await.expect("dropped");
    soon(&owner, "it is gone", |seen| {
        !finds(seen, "idle_slot", "forgotten")
    })
    .await;

    standby.cluster.kill9();
    soon(&owner, "a dead standby", |seen| {
        finds(seen, "hosts", &folder(&standby.cluster))
            && seen["replicas"][0]["is_reachable"] == false
    })
    .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lags_and_one_that_is_gone_show_within_five_seconds() {
    let cluster = Cluster::start(Version::usual(), &[]);
    let world = World::on(cluster.database().await, 1).await;
    let well = world.address(0);
    let owner = owner_at(&well.origin(), &world.office);
    let lone = world.pool.get().await.expect("a connection");
    let senders = "select pid from pg_stat_replication order by backend_start desc limit 1";
    let doomed = ServerProcess::spawn(&program(), &world.database.url, &[]).await;
    let doomed = doomed.expect("a server");
    let address = Address::parse(doomed.address())
        .expect("an address")
        .origin();
    let is = |state: &'static str, address: &str| {
        let address = address.to_owned();
        move |seen: &Value| {
            let servers = seen["servers"].as_array().expect("servers");
            servers
                .iter()
                .any(|server| server["address"] == *address && server["state"] == state)
        }
    };
    soon(&owner, "both are ready", is("ready", &address)).await;

    // What is written is counted by document and by organisation, in memory.
    let writer = world.client(0, &world.office.owner, "writer").await;
    writer.edit(|e| e.create_text()).expect("a text");
    type_text(&writer, "busy");
    writer.settled().await.expect("acknowledged");
    let (org_id, document_id) = (world.office.org_id, world.office.document_id);
    soon(&owner, "the busiest", |seen| {
        seen["documents"][0]["document_id"] == document_id.to_string()
            && seen["organisations"][0]["org_id"] == org_id.to_string()
            && seen["organisations"][0]["edits"].as_u64() > Some(0)
    })
    .await;

    let sender: i32 = lone.query_one(senders, &[]).await.expect("one").get(0);
    let sender = Pid::from_raw(sender).expect("a process");
    kill_process(sender, Signal::STOP).expect("it stands still");
    soon(&owner, "a server that lags", |seen| {
        finds(seen, "server_lags", &address)
    })
    .await;
    kill_process(sender, Signal::CONT).expect("it goes on");
    soon(&owner, "it has caught up", |seen| {
        !finds(seen, "server_lags", "")
    })
    .await;

    // Dropping it kills it.
    drop(doomed);
    soon(&owner, "a killed server", |seen| {
        finds(seen, "server_silent", &address) && is("silent", &address)(seen)
    })
    .await;
    world.stop().await;
}
