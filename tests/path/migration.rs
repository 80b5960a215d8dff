//! Servers go on while the database gets the newest migration under them.

use std::process::Command;
use std::time::{Duration, Instant};

use quire::postgres::{migrate, migrations};

use super::faults::{Crowd, say};
use crate::kit::postgres::{Cluster, Version, connect};
use crate::kit::server::program;

/// The newest migration, and how a test takes it back: what it adds, gone.
const NEWEST: (&str, &str) = ("0019_made_by", "drop function quire.member_fell cascade");

/// Makes a database one that the version before would have: the newest step has not run.
async fn take_back(url: &str) {
    let all = migrations();
    let newest = all.last().expect("migrations").name;
    assert_eq!(newest, NEWEST.0, "say here how the newest is taken back");
    let (name, sql) = NEWEST;
    let forget = format!("{sql}; delete from quire.migration where name = '{name}'");
    let client = connect(url).await;
    client.batch_execute(&forget).await.expect("taken back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_started_before_a_migration_go_on_before_while_and_after_it_runs() {
    let cluster = Cluster::shared(Version::usual());
    let mut crowd = Crowd::gather(cluster).await;
    take_back(&crowd.url).await;
    let Crowd { url, clients, .. } = &mut crowd;
    let mut longest = Duration::ZERO;
    let mut words = 0;
    let mut round = async || {
        let typed = Instant::now();
        say(clients, words);
        for client in clients.iter() {
            client.settled().await.expect("acknowledged");
        }
        words += 1;
        longest = longest.max(typed.elapsed());
    };
    for _ in 0..5 {
        round().await;
    }
    let mut command = Command::new(program());
    command.arg("migrate").env("DATABASE_URL", &*url);
    let migrated = tokio::task::spawn_blocking(move || command.output());
    for _ in 0..10 {
        round().await;
    }
    let output = migrated.await.expect("it ran").expect("it ran");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains(NEWEST.0), "{said} {output:?}");
    for _ in 0..5 {
        round().await;
    }
    println!("20 people wrote {words} words each; the longest round took {longest:?}");
    crowd.check(words).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_migration_holds_no_lock_that_an_edit_waits_for() {
    let cluster = Cluster::start(Version::usual(), &[]);
    let mut crowd = Crowd::gather(&cluster).await;
    take_back(&crowd.url).await;
    let Crowd { url, clients, .. } = &mut crowd;
    let mut client = connect(url).await;
    let all = migrations();
    let open = client.transaction().await.expect("begun");
    let newest = all.last().expect("migrations");
    open.batch_execute(newest.sql).await.expect("it runs");
    // All its locks are held, and people write.
    say(clients, 0);
    for client in clients.iter() {
        let settled = tokio::time::timeout(Duration::from_secs(30), client.settled()).await;
        settled.expect("no edit waits").expect("acknowledged");
    }
    open.rollback().await.expect("rolled back");
    let pool = quire::postgres::pool(url, 1).expect("a pool");
    migrate(&pool).await.expect("it runs");
    crowd.check(1).await;
}
