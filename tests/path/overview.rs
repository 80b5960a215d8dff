//! What goes wrong shows in the overview within five seconds: standbys that are paused, slots that
//! nobody reads, servers that lag and servers that are gone.

use std::time::{Duration, Instant};

use quire::client::Address;
use quire::config::Serve;
use quire::postgres::pool;
use quire::server::Server;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::type_text;
use crate::http::site::Visitor;
use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Version, connect};
use crate::kit::server::{World, program, serve};
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

/// What `quire top --once --json` prints, asking the database alone.
pub async fn top(database_url: &str) -> Value {
    let mut command = tokio::process::Command::new(program());
    command
        .args(["top", "--once", "--json", "--database-url", database_url])
        .kill_on_drop(true);
    let output = command.output().await.expect("it runs");
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

/// Who looks: by the API of a server, and in the terminal.
struct Eyes {
    owner: Visitor,
    database_url: String,
}

impl Eyes {
    /// The page does.
    async fn page_shows(&self, what: &str, is_so: impl Fn(&Value) -> bool) {
        let began = Instant::now();
        loop {
            let seen = overview(&self.owner).await;
            if is_so(&seen) {
                return;
            }
            let took = began.elapsed();
            assert!(
                took < SOON,
                "{what}: not on the page after {took:?}: {seen:#}"
            );
            crate::kit::pause().await;
        }
    }

    /// Both see it within five seconds.
    async fn see(&self, what: &str, is_so: impl Fn(&Value) -> bool) {
        let began = Instant::now();
        let page = self.page_shows(what, &is_so);
        let terminal = async {
            loop {
                // Of one that was started in time, its answer counts.
                let took = began.elapsed();
                let seen = top(&self.database_url).await;
                if is_so(&seen) {
                    return;
                }
                assert!(
                    took < SOON,
                    "{what}: not in the terminal after {took:?}: {seen:#}"
                );
                crate::kit::pause().await;
            }
        };
        tokio::join!(page, terminal);
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
    let mut standby = Standby::of(&primary, &conninfo).await;
    let hosts = [&primary, &standby.cluster].map(folder).join(",");
    let database_url = format!("host={hosts} port=5432 user=quire dbname={name}");
    let server = Server::start(&Serve::with_defaults(&database_url), program()).await;
    let server = server.expect("it starts");
    let eyes = Eyes {
        owner: owner_at(&server.address().to_string(), &office),
        database_url,
    };
    eyes.see("all is well", |seen| {
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
        eyes.see("a paused standby", |seen| {
            finds(seen, "standbys", "paused") && seen["replicas"][0]["is_paused"] == true
        })
        .await;
        let resume = "select pg_wal_replay_resume()";
        standing.execute(resume, &[]).await.expect("resumed");
        eyes.see("it goes on", |seen| !finds(seen, "standbys", "paused"))
            .await;
    }

    let client = connect(&url).await;
    let sql = "select pg_create_logical_replication_slot('forgotten', 'pgoutput')";
    client.execute(sql, &[]).await.expect("a slot");
    eyes.see("a dead slot", |seen| finds(seen, "idle_slot", "forgotten"))
        .await;
    let sql = "select pg_drop_replication_slot('forgotten')";
    client.execute(sql, &[]).await.expect("dropped");
    eyes.see("it is gone", |seen| !finds(seen, "idle_slot", "forgotten"))
        .await;

    standby.cluster.kill9();
    eyes.see("a dead standby", |seen| {
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
    let eyes = Eyes {
        owner: owner_at(&well.origin(), &world.office),
        database_url: world.database.url.clone(),
    };
    let lone = world.pool.get().await.expect("a connection");
    let senders = "select pid from pg_stat_replication where application_name = 'quire_feed' \
        order by backend_start desc limit 1";
    let doomed = serve(&world.database.url, &[]).await;
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
    eyes.see("both are ready", is("ready", &address)).await;
    let sender: i32 = lone.query_one(senders, &[]).await.expect("one").get(0);
    let sender = Pid::from_raw(sender).expect("a process");

    // What is written is counted by document and by organisation, in memory.
    let writer = world.client(0, &world.office.owner, "writer").await;
    type_text(&writer, "busy");
    writer.settled().await.expect("acknowledged");
    let (org_id, document_id) = (world.office.org_id, world.office.document_id);
    // What the terminal does not hear itself it does not count.
    eyes.page_shows("the busiest", |seen| {
        seen["documents"][0]["document_id"] == document_id.to_string()
            && seen["organisations"][0]["org_id"] == org_id.to_string()
            && seen["organisations"][0]["edits"].as_u64() > Some(0)
    })
    .await;

    kill_process(sender, Signal::STOP).expect("it stands still");
    eyes.see("a server that lags", |seen| {
        finds(seen, "server_lags", &address)
    })
    .await;
    kill_process(sender, Signal::CONT).expect("it goes on");
    eyes.see("it has caught up", |seen| !finds(seen, "server_lags", ""))
        .await;

    // Dropping it kills it.
    drop(doomed);
    eyes.see("a killed server", |seen| {
        finds(seen, "server_silent", &address) && is("silent", &address)(seen)
    })
    .await;
    world.stop().await;
}

/// The slot of `quire top` waits for open transactions; what SQL says is shown all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_terminal_waits_for_no_transaction_and_needs_no_server() {
    let cluster = Cluster::start(Version::usual(), &[]);
    let database = cluster.database().await;
    let seen = top(&database.url).await;
    assert!(finds(&seen, "no_server", ""), "{seen:#}");
    let mut writer = connect(&database.url).await;
    let open = writer.transaction().await.expect("begun");
    let sql = "select pg_current_xact_id()";
    open.execute(sql, &[]).await.expect("it has a number");
    let began = Instant::now();
    let seen = top(&database.url).await;
    assert!(began.elapsed() < 2 * SOON, "it took {:?}", began.elapsed());
    assert!(
        finds(&seen, "servers_unheard", "open transactions"),
        "{seen:#}"
    );
    assert!(seen["primary"]["position"].is_string(), "{seen:#}");
    open.rollback().await.expect("ended");
}
