//! Several hosts in one address: which of them the pool takes, and which it leaves.

use std::time::Duration;

use quire::error::Kind;
use quire::postgres::{Identity, Limits, Pool, examine, failed, pool};

use crate::faults::link::{Link, Manner, Target};
use crate::kit::postgres::{Cluster, Version};
use crate::kit::standby::Standby;

/// How long anything of this may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn socket(cluster: &Cluster) -> Target {
    Target::Unix(cluster.postgres().socket().join(".s.PGSQL.5432"))
}

async fn timeline(pool: &Pool) -> u32 {
    let client = pool.get().await.expect("a connection");
    let identity = Identity::ask(&client).await.expect("identified");
    identity.server.expect("a primary").timeline
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_was_replaced_is_not_used_though_it_answers_first() {
    let replaced = Cluster::start(Version::usual(), &[]);
    let link = Link::to(socket(&replaced)).await;
    let (host, port) = link.address().split_once(':').expect("host and port");
    let conninfo = format!("host={host} port={port}");
    let standby = Standby::of(&replaced, &conninfo).await;
    let mut promoted = standby.promote().await;
    let (one, two) = (
        Link::to(socket(&replaced)).await,
        Link::to(socket(&promoted)).await,
    );
    let url = format!(
        "postgres://quire@{},{}/postgres",
        one.address(),
        two.address()
    );
    let pool = pool(&url, 2).expect("a pool");
    assert_eq!(timeline(&pool).await, 1, "nothing is followed: the first");

    let client = crate::kit::postgres::connect(&promoted.url("postgres")).await;
    let identity = Identity::ask(&client).await.expect("identified");
    let server = identity.server.expect("a primary");
    pool.lineage().follow(server, identity.position, true);
    assert_eq!(timeline(&pool).await, 2, "the one that the feed follows");

    let findings = examine(&url, &Limits::default()).await.expect("examined");
    let hosts: Vec<_> = findings.iter().filter(|f| f.check == "hosts").collect();
    let says = &hosts.first().expect("two primaries are found").says;
    assert!(hosts.len() == 1 && says.contains("timeline 2"), "{hosts:?}");

    promoted.kill9();
    let findings = examine(&url, &Limits::default()).await.expect("examined");
    let away = findings
        .iter()
        .any(|f| f.check == "hosts" && f.says.contains(two.address()));
    assert!(away, "{findings:?}");
    // The connection to it may not have heard of that yet.
    let refused = async {
        loop {
            if let Err(error) = pool.get().await {
                return failed("connect")(error);
            }
            crate::kit::pause().await;
        }
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await;
    let kind = refused.expect("nobody is left to connect to").kind();
    assert_eq!(kind, Kind::Unavailable, "rather none than the replaced one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_lets_nobody_write_any_more_is_left_for_another() {
    let first = Cluster::start(Version::usual(), &[]);
    let second = Cluster::start(Version::usual(), &[]);
    let (one, two) = (
        Link::to(socket(&first)).await,
        Link::to(socket(&second)).await,
    );
    let url = format!(
        "postgres://quire@{},{}/postgres",
        one.address(),
        two.address()
    );
    let pool = pool(&url, 2).expect("a pool");
    drop(
        pool.get()
            .await
            .expect("a connection that waits in the pool"),
    );
    let sql = "alter system set default_transaction_read_only = on";
    first.execute(sql).await;
    first.postgres().reload();
    // Until the setting is read, the first one takes it.
    let sql = "create table if not exists written ()";
    let elsewhere = crate::kit::postgres::connect(&second.url("postgres")).await;
    let writes = async {
        let mut is_there = false;
        while !is_there {
            let client = pool.get().await.expect("a connection");
            // The one that lets nobody write refuses it.
            let _ = client.batch_execute(sql).await;
            let there = elsewhere.query_one("select to_regclass('written') is not null", &[]);
            is_there = there.await.expect("asked").get(0);
            crate::kit::pause().await;
        }
    };
    let left = tokio::time::timeout(PATIENCE, writes).await;
    left.expect("the other one is written to");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_says_nothing_holds_nobody_up() {
    let cluster = Cluster::shared(Version::usual());
    let (silent, well) = (
        Link::to(socket(cluster)).await,
        Link::to(socket(cluster)).await,
    );
    silent.behave(Manner::Swallows, Manner::Swallows);
    let url = format!(
        "postgres://quire@{},{}/postgres",
        silent.address(),
        well.address()
    );
    let pool = pool(&url, 1).expect("a pool");
    let got = tokio::time::timeout(Duration::from_secs(5), pool.get()).await;
    drop(got.expect("in time").expect("a connection"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_does_not_follow_is_found_by_the_doctor() {
    let primary = Cluster::start(Version::usual(), &[]);
    let link = Link::to(socket(&primary)).await;
    let (host, port) = link.address().split_once(':').expect("host and port");
    let conninfo = format!("host={host} port={port}");
    let standby = Standby::of(&primary, &conninfo).await;
    let folder = |cluster: &Cluster| cluster.postgres().socket().display().to_string();
    let hosts = format!("{},{}", folder(&primary), folder(&standby.cluster));
    let url = format!("host={hosts} port=5432 user=quire dbname=postgres");
    let says = async || -> Vec<String> {
        let findings = examine(&url, &Limits::default()).await.expect("examined");
        let of_hosts = |f: &quire::postgres::Finding| ["hosts", "standbys"].contains(&f.check);
        let found = findings.into_iter().filter(of_hosts);
        found.map(|finding| finding.says).collect()
    };
    assert_eq!(says().await, Vec::<String>::new());
    let client = crate::kit::postgres::connect(&standby.cluster.url("postgres")).await;
    let pause = "select pg_wal_replay_pause()";
    client.execute(pause, &[]).await.expect("paused");
    let said = says().await;
    assert!(said.len() == 1 && said[0].contains("paused"), "{said:?}");
    let resume = "select pg_wal_replay_resume()";
    client.execute(resume, &[]).await.expect("resumed");
    link.cut();
    let is_alone = "select not exists (select from pg_stat_wal_receiver)";
    standby.cluster.wait_until(is_alone, PATIENCE).await;
    let said = says().await;
    assert!(
        said.len() == 1 && said[0].contains("receives nothing"),
        "{said:?}"
    );
}
