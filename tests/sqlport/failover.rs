//! A standby takes over: the port leads to it as soon as the server follows it.

use std::fs;
use std::time::Duration;

use quire::config::Serve;
use quire::postgres::pool;
use quire::server::Server;
use tokio_postgres::{Client, NoTls};

use super::stage::ROLES;
use crate::faults::link::{Link, Target};
use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Version};
use crate::kit::server::program;
use crate::kit::standby::Standby;

pub const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster whose roles sign in over its socket with their passwords, an office on it, and the name of
/// the office's database.
pub async fn primary() -> (Cluster, Office, String) {
    let primary = Cluster::start(Version::usual(), &[]);
    let url = primary.database().await.url;
    let name = url.rsplit('/').next().expect("a name").to_owned();
    let office = Office::open(&pool(&url, 2).expect("a pool")).await;
    // A standby has the same roles and rules.
    primary.execute(ROLES).await;
    let rules = primary.postgres().data().join("pg_hba.conf");
    let former = fs::read_to_string(&rules).expect("there");
    fs::write(&rules, format!("local all dba scram-sha-256\n{former}")).expect("written");
    primary.postgres().reload();
    (primary, office, name)
}

/// Signs in, as soon as that works.
pub async fn connect(url: &str) -> Client {
    let connecting = async {
        loop {
            if let Ok((client, connection)) = tokio_postgres::connect(url, NoTls).await {
                tokio::spawn(connection);
                return client;
            }
            crate::kit::pause().await;
        }
    };
    let connected = tokio::time::timeout(PATIENCE, connecting).await;
    connected.expect("the port lets people in")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_the_port_leads_to_the_database_that_is_followed() {
    let (mut primary, office, name) = primary().await;
    let to = |cluster: &Cluster| Target::Unix(cluster.postgres().socket().join(".s.PGSQL.5432"));
    let link = Link::to(to(&primary)).await;
    let (host, port) = link.address().split_once(':').expect("host and port");
    let conninfo = format!("host={host} port={port}");
    let standby = Standby::of(&primary, &conninfo).await;
    let (first, second) = (
        Link::to(to(&standby.cluster)).await,
        Link::to(to(&primary)).await,
    );
    let database_url = format!(
        "postgres://quire@{},{}/{name}?sslmode=disable",
        first.address(),
        second.address()
    );
    let mut settings = Serve::with_defaults(&database_url);
    settings.drain = Duration::from_secs(1);
    settings.sql_listen = Some("127.0.0.1:0".parse().expect("an address"));
    let server = Server::start(&settings, program()).await.expect("started");
    let port = server.sql_address().expect("it listens");
    let sql = format!("postgres://dba:pass%20word%27s@{port}/{name}");
    let before = connect(&sql).await;
    let document = office.document_id;
    let text = "select quire.text($1), timeline_id from pg_control_checkpoint()";
    let row = before.query_one(text, &[&document]).await.expect("read");
    assert_eq!((row.get::<_, &str>(0), row.get::<_, i32>(1)), ("", 1));

    standby.catch_up(&primary).await;
    primary.kill9();
    let promoted = standby.promote().await;
    let after = connect(&sql).await;
    let row = after.query_one(text, &[&document]).await.expect("read");
    assert_eq!(row.get::<_, &str>(0), "");
    let row = after.query_one("select pg_is_in_recovery()", &[]).await;
    assert!(!row.expect("told").get::<_, bool>(0), "it is the primary");
    assert!(before.simple_query("select 1").await.is_err(), "it ended");
    server.stop().await;
    drop(promoted);
}
