//! A standby takes over while people write: the servers go on, and what is lost comes back.

use std::time::{Duration, Instant};

use quire::client::Address;
use quire::config::Serve;
use quire::postgres::pool;
use quire::server::Server;
use tokio_postgres::Client as Database;

use crate::faults::link::{Link, Target};
use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Version, connect};
use crate::kit::server::{program, shows};
use crate::kit::standby::Standby;
use quire::client::{Client, Options};

/// How long it may take, from coming back, until what clients still hold is there again.
const RETURN: Duration = Duration::from_secs(5);

async fn edits(database: &Database) -> i64 {
    let count = database.query_one("select count(*) from quire.edit", &[]);
    count.await.expect("counted").get(0)
}

fn say(client: &Client, word: &str) {
    client
        .edit(|editor| editor.insert(0, word))
        .expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_standby_is_followed_without_a_restart_and_what_it_lacks_comes_back() {
    for version in Version::ALL {
        fail_over(version).await;
    }
}

async fn fail_over(version: Version) {
    let mut primary = Cluster::start(version, &[]);
    let url = primary.database().await.url;
    let name = url.rsplit('/').next().expect("a name").to_owned();
    let office = Office::open(&pool(&url, 2).expect("a pool")).await;
    let to = |cluster: &Cluster| Target::Unix(cluster.postgres().socket().join(".s.PGSQL.5432"));
    let link = Link::to(to(&primary)).await;
    let (host, port) = link.address().split_once(':').expect("host and port");
    let standby = Standby::of(&primary, version, &format!("host={host} port={port}")).await;
    let (first, second) = (
        Link::to(to(&standby.cluster)).await,
        Link::to(to(&primary)).await,
    );
    // The standby is named first: the primary is looked for, not the first that answers.
    let database_url = format!(
        "postgres://quire@{},{}/{name}",
        first.address(),
        second.address()
    );
    let mut servers = Vec::new();
    for _ in 0..2 {
        let mut settings = Serve::with_defaults(&database_url);
        settings.drain = Duration::from_secs(1);
        servers.push(
            Server::start(&settings, program())
                .await
                .expect("it starts"),
        );
    }
    let address = |server: &Server| {
        Address::parse(&format!("http://{}", server.address())).expect("an address")
    };
    let client = |server: usize, device: &str| {
        let addresses = vec![address(&servers[server])];
        let token = office.owner.token.reveal();
        Client::start(Options::new(addresses, &token, &office.room(), device))
    };
    let (ada, bob) = (client(0, "ada"), client(1, "bob"));
    for person in [&ada, &bob] {
        person.joined().await.expect("joined");
    }
    ada.edit(|editor| editor.create_text()).expect("a text");
    ada.settled().await.expect("durable");
    standby.catch_up(&primary).await;
    link.cut();

    // What each writes builds on what the other has written, and only the primary has it.
    let mut text = String::new();
    for word in ["one ", "two ", "three ", "four "] {
        for person in [&ada, &bob] {
            shows(person, &text).await;
            say(person, word);
            text.insert_str(0, word);
            person.settled().await.expect("acknowledged");
        }
    }
    shows(&ada, &text).await;
    let before = edits(&connect(&url).await).await;
    primary.kill9();
    let lagging = connect(&standby.cluster.url(&name)).await;
    assert!(
        edits(&lagging).await < before,
        "{version:?}: it lacks commits"
    );
    let promoted = standby.promote().await;

    let since = Instant::now();
    say(&ada, "five ");
    text.insert_str(0, "five ");
    ada.settled().await.expect("durable on the new primary");
    shows(&bob, &text).await;
    // Who has nothing of it yet is shown what the rows say.
    let newcomer = client(1, "newcomer");
    shows(&newcomer, &text).await;
    let took = since.elapsed();
    assert!(took < RETURN, "{version:?}: all was back after {took:?}");
    for person in [ada, bob, newcomer] {
        person.close().await;
    }
    for server in servers {
        server.stop().await;
    }
    drop(promoted);
}
