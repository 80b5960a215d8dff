//! The private Postgres of `quire dev` and of the tests.

use std::time::{Duration, Instant};

use quire::dev::{EmbeddedPostgres, User};
use rustix::process::{Pid, Signal, kill_process};

use crate::kit::postgres::{Cluster, Database, Version, connect};

/// The names of the organisations in a database.
async fn names(database: &Database) -> Vec<String> {
    let client = database.connect().await;
    let rows = client
        .query("select name from quire.organisation order by name", &[])
        .await;
    rows.expect("organisations are read")
        .iter()
        .map(|row| row.get(0))
        .collect()
}

async fn add_organisation(database: &Database, name: &str) {
    let client = database.connect().await;
    let insert = "insert into quire.organisation (org_id, name) values (gen_random_uuid(), $1)";
    client
        .execute(insert, &[&name])
        .await
        .expect("an organisation is made");
}

#[tokio::test]
async fn what_was_committed_survives_kill_9() {
    for version in Version::ALL {
        let mut cluster = Cluster::start(version, &[]);
        let database = cluster.database().await;
        add_organisation(&database, "Acme").await;
        cluster.kill9();
        cluster.start_again();
        assert_eq!(names(&database).await, ["Acme"]);
        cluster.restart();
        assert_eq!(names(&database).await, ["Acme"]);
    }
}

/// The first process alone is killed; a session of it, which stands still, holds on to the memory.
#[tokio::test(flavor = "multi_thread")]
async fn it_starts_when_what_a_crash_left_of_it_is_gone() {
    let mut cluster = Cluster::start(Version::usual(), &[]);
    let database = cluster.database().await;
    let session = database.connect().await;
    let pid = session.query_one("select pg_backend_pid()", &[]).await;
    let pid: i32 = pid.expect("told").get(0);
    signal(pid, Signal::STOP);
    signal(cluster.postgres().pid() as i32, Signal::KILL);
    let log = cluster.postgres().log();
    let refused = std::thread::spawn(move || {
        let until = Instant::now() + Duration::from_secs(15);
        let says = || std::fs::read_to_string(&log).unwrap_or_default();
        while !says().contains("pre-existing shared memory block") && Instant::now() < until {
            std::thread::sleep(crate::kit::PAUSE);
        }
        signal(pid, Signal::KILL);
        Instant::now() < until
    });
    cluster.start_again();
    assert!(refused.join().expect("no panic"), "it was never refused");
    assert_eq!(names(&database).await, Vec::<String>::new());
}

fn signal(pid: i32, signal: Signal) {
    let pid = Pid::from_raw(pid).expect("a process");
    kill_process(pid, signal).expect("it is there");
}

#[tokio::test]
async fn a_setting_changes_with_the_next_start() {
    let mut cluster = Cluster::start(Version::V18, &[("max_connections", "50")]);
    cluster.set("max_connections", "60");
    cluster.restart();
    let client = connect(&cluster.url("postgres")).await;
    let row = client
        .query_one("show max_connections", &[])
        .await
        .expect("it is shown");
    assert_eq!(row.get::<_, &str>(0), "60");
}

#[tokio::test]
async fn it_listens_on_tcp_only_when_asked() {
    let cluster = Cluster::start_with_tcp(Version::V18, &[]);
    let url = format!("postgres://quire@127.0.0.1:{}/postgres", cluster.port());
    connect(&url).await;
    let socket_only = Cluster::shared(Version::V18);
    let client = connect(&socket_only.url("postgres")).await;
    let row = client
        .query_one("show listen_addresses", &[])
        .await
        .expect("it is shown");
    assert_eq!(row.get::<_, &str>(0), "");
}

#[tokio::test]
async fn a_pid_file_whose_number_is_another_process_does_not_stop_the_start() {
    let mut cluster = Cluster::start(Version::V18, &[]);
    let pid_file = cluster.postgres().data().join("postmaster.pid");
    let left = std::fs::read_to_string(&pid_file).expect("it is there while it runs");
    cluster.stop();
    // This very test is the process that got the number.
    let (_, rest) = left.split_once('\n').expect("it has lines");
    let own = std::process::id();
    std::fs::write(&pid_file, format!("{own}\n{rest}")).expect("it is written");
    User::ordinary()
        .and_then(|user| user.give(&pid_file))
        .expect("it is given away");
    cluster.start_again();
}

#[tokio::test]
async fn each_test_has_a_database_of_its_own() {
    let (one, other) = (Database::new().await, Database::of(Version::V15).await);
    add_organisation(&one, "Acme").await;
    assert_eq!(names(&one).await, ["Acme"]);
    assert!(names(&other).await.is_empty());
    assert!(names(&Database::new().await).await.is_empty());
}

#[test]
fn a_temporary_one_leaves_no_folder() {
    let cluster = Cluster::start(Version::V18, &[]);
    let postgres: &EmbeddedPostgres = cluster.postgres();
    let (data, socket, pid) = (postgres.data(), postgres.socket(), postgres.pid());
    drop(cluster);
    assert!(!data.exists() && !socket.exists());
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn one_that_stands_still_ends_with_its_owner() {
    let cluster = Cluster::start(Version::usual(), &[]);
    let (data, pid) = (cluster.postgres().data(), cluster.postgres().pid());
    let mut all = quire::dev::children(pid);
    all.push(pid as i32);
    for process in all {
        let process = Pid::from_raw(process).expect("a process");
        // One that has ended meanwhile stands still enough.
        let _ = kill_process(process, Signal::STOP);
    }
    let begun = Instant::now();
    drop(cluster);
    assert!(!data.exists());
    assert!(begun.elapsed() < Duration::from_secs(30));
}
