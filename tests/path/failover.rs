//! A standby takes over while people write: the servers go on, and what is lost comes back.

use std::time::{Duration, Instant};

use quire::client::Address;
use quire::config::Serve;
use quire::document::blocks::plain_text;
use quire::postgres::pool;
use quire::server::Server;
use tokio_postgres::Client as Database;

use crate::faults::link::{Link, Target};
use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Version, connect};
use crate::kit::server::{program, shows};
use crate::kit::standby::Standby;
use quire::client::{Client, Options};

/// How long anything else of this may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long it may take, from coming back, until what clients still hold is there again.
const RETURN: Duration = Duration::from_secs(5);

/// A primary with an office in its database, and a standby that follows it through a link.
struct Pair {
    primary: Cluster,
    standby: Standby,
    link: Link,
    name: String,
    office: Office,
}

impl Pair {
    async fn start(version: Version) -> Self {
        let primary = Cluster::start(version, &[]);
        let url = primary.database().await.url;
        let name = url.rsplit('/').next().expect("a name").to_owned();
        let office = Office::open(&pool(&url, 2).expect("a pool")).await;
        let link = Link::to(to(&primary)).await;
        let (host, port) = link.address().split_once(':').expect("host and port");
        let conninfo = format!("host={host} port={port}");
        let standby = Standby::of(&primary, &conninfo).await;
        Self {
            primary,
            standby,
            link,
            name,
            office,
        }
    }
}

fn to(cluster: &Cluster) -> Target {
    Target::Unix(cluster.postgres().socket().join(".s.PGSQL.5432"))
}

async fn start(database_url: &str) -> Server {
    let settings = Serve::with_defaults(database_url);
    let server = Server::start(&settings, program());
    server.await.expect("it starts")
}

/// A client of the owner's at a server's address.
fn client_at(office: &Office, address: &str, device: &str) -> Client {
    let address = Address::parse(&format!("http://{address}")).expect("an address");
    let token = office.owner.token.reveal();
    Client::start(Options::new(vec![address], &token, &office.room(), device))
}

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
    let Pair {
        mut primary,
        standby,
        link,
        name,
        office,
    } = Pair::start(version).await;
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
    let before = edits(&connect(&primary.url(&name)).await).await;
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

/// A device's next client must not write under counters that a copy elsewhere has taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_may_have_lost_what_it_wrote_is_offered_to_nobody() {
    let Pair {
        mut primary,
        standby,
        link,
        name,
        office,
    } = Pair::start(Version::usual()).await;
    let server = start(&primary.url(&name)).await;
    let door = Link::to(Target::Tcp(server.address().to_string())).await;
    let client = |address: &str, device: &str| client_at(&office, address, device);
    let near = server.address().to_string();
    let bob = client(door.address(), "bob");
    let ada = client(&near, "ada");
    ada.joined().await.expect("joined");
    say(&ada, "one ");
    ada.settled().await.expect("durable");
    let peer = ada.peer();
    ada.close().await;
    standby.catch_up(&primary).await;
    link.cut();
    let ada = client(&near, "ada");
    shows(&ada, "one ").await;
    assert_eq!(
        ada.peer(),
        peer,
        "while nothing is lost, a device's peer is used again"
    );
    say(&ada, "two ");
    ada.settled().await.expect("acknowledged");
    shows(&bob, "two one ").await;

    // Only Bob, who is away, still has it.
    door.cut();
    drop(ada);
    server.stop().await;
    primary.kill9();
    let promoted = standby.promote().await;
    let server = start(&promoted.url(&name)).await;
    // Who comes before the server's feed streams gets a peer that counts as old.
    let database = connect(&promoted.url(&name)).await;
    let sql = "select count(*) = 2 from quire.timeline";
    let is_noted = async || -> bool {
        let row = database.query_one(sql, &[]).await;
        row.expect("asked").get(0)
    };
    while !is_noted().await {
        crate::kit::pause().await;
    }
    let ada = client(&server.address().to_string(), "ada");
    shows(&ada, "one ").await;
    assert_ne!(ada.peer(), peer, "its counters are taken in Bob's copy");
    say(&ada, "three ");
    ada.settled().await.expect("durable on the new primary");
    door.leads_to(Target::Tcp(server.address().to_string()));
    door.mend();
    shows(&bob, "three one ").await;
    say(&bob, "four ");
    shows(&ada, "four three one ").await;
    let held = [&ada, &bob].map(|person| person.read(|doc| doc.oplog_vv()));
    assert_eq!(held[0], held[1]);
    let new = ada.peer();
    ada.close().await;
    let ada = client(&server.address().to_string(), "ada");
    ada.joined().await.expect("joined");
    assert_eq!(
        ada.peer(),
        new,
        "it is younger than the log that is written now"
    );
    ada.close().await;
    bob.close().await;
    server.stop().await;
}

/// Ada's word builds on one of Bob's; both are lost, Bob is gone, and Ada writes hers again. The server that
/// comes back last still holds both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_again_is_not_put_back_as_well() {
    let Pair {
        mut primary,
        standby,
        link,
        name,
        office,
    } = Pair::start(Version::usual()).await;
    let database = Link::to(to(&primary)).await;
    let late = start(&format!("postgres://quire@{}/{name}", database.address())).await;
    let early = start(&primary.url(&name)).await;
    let door = Link::to(Target::Tcp(early.address().to_string())).await;
    let client = |address: &str, device: &str| client_at(&office, address, device);
    // Whoever reads there keeps the document open.
    let reader = client(&late.address().to_string(), "reader");
    let ada = client(door.address(), "ada");
    ada.joined().await.expect("joined");
    ada.settled().await.expect("durable");
    standby.catch_up(&primary).await;
    link.cut();
    let bob = client(&early.address().to_string(), "bob");
    bob.joined().await.expect("joined");
    shows(&bob, "").await;
    say(&bob, "[bob]");
    shows(&ada, "[bob]").await;
    ada.edit(|editor| editor.insert(2, "+ada+"))
        .expect("written");
    ada.settled().await.expect("acknowledged");
    shows(&reader, "[b+ada+ob]").await;

    database.cut();
    door.cut();
    drop(bob);
    early.stop().await;
    primary.kill9();
    let promoted = standby.promote().await;
    let early = start(&promoted.url(&name)).await;
    door.leads_to(Target::Tcp(early.address().to_string()));
    door.mend();
    shows(&ada, "+ada+").await;
    database.leads_to(to(&promoted));
    database.mend();
    // Bob's word is brought back by the server that holds it; Ada's stands there once.
    for person in [&ada, &reader] {
        let is_whole = |text: &str| text.contains("[bob]") && text.matches("+ada+").count() == 1;
        let whole = person.document_is(|doc| is_whole(&plain_text(doc)));
        let whole = tokio::time::timeout(PATIENCE, whole).await;
        let text = person.text();
        whole
            .unwrap_or_else(|_| panic!("{text}"))
            .expect("both words");
    }
    let newcomer = client(&early.address().to_string(), "newcomer");
    shows(&newcomer, &ada.text()).await;
    shows(&reader, &ada.text()).await;
    for person in [ada, reader, newcomer] {
        person.close().await;
    }
    early.stop().await;
    late.stop().await;
}

/// The standby takes over with the fold, and without it; either way the document is whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_before_or_after_a_fold_loses_nothing() {
    use quire::document::trial::DocKey;
    use quire::retention::{Outcome, fold_document};
    for has_fold in [true, false] {
        let Pair {
            mut primary,
            standby,
            link,
            name,
            office,
        } = Pair::start(Version::usual()).await;
        let (first, second) = (
            Link::to(to(&standby.cluster)).await,
            Link::to(to(&primary)).await,
        );
        let (first, second) = (first.address(), second.address());
        let server = start(&format!("postgres://quire@{first},{second}/{name}")).await;
        let near = server.address().to_string();
        let ada = client_at(&office, &near, "ada");
        ada.joined().await.expect("joined");
        let mut text = String::new();
        for word in ["one ", "two ", "three ", "four "] {
            say(&ada, word);
            text.insert_str(0, word);
            ada.settled().await.expect("acknowledged");
        }
        let url = primary.url(&name);
        let keep = format!(
            "insert into quire.retention values ('{}', '0')",
            office.org_id
        );
        let database = connect(&url).await;
        database.batch_execute(&keep).await.expect("set");
        if !has_fold {
            standby.catch_up(&primary).await;
            link.cut();
        }
        let pool = pool(&url, 2).expect("a pool");
        let key = DocKey {
            org_id: office.org_id,
            document_id: office.document_id,
        };
        let until = Instant::now() + PATIENCE;
        while !matches!(fold_document(&pool, key).await, Ok(Outcome::Folded(_))) {
            assert!(Instant::now() < until, "folded");
        }
        if has_fold {
            standby.catch_up(&primary).await;
            link.cut();
        }
        primary.kill9();
        // Asked before it takes over: from then on the server folds there.
        let lagging = connect(&standby.cluster.url(&name)).await;
        let folds = lagging.query_one("select count(*) from quire.fold", &[]);
        let folds: i64 = folds.await.expect("counted").get(0);
        assert_eq!(folds, i64::from(has_fold));
        let promoted = standby.promote().await;
        say(&ada, "five ");
        text.insert_str(0, "five ");
        ada.settled().await.expect("durable on the new primary");
        let newcomer = client_at(&office, &near, "newcomer");
        shows(&newcomer, &text).await;
        for person in [ada, newcomer] {
            person.close().await;
        }
        server.stop().await;
        drop(promoted);
    }
}
