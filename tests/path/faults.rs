//! Servers and Postgres killed while people type.

use std::time::Duration;

use quire::client::{Address, Client, Options};
use quire::dev::ServerProcess;
use quire::document::blocks::plain_text;
use quire::document::live::LiveDocument;
use quire::postgres::{Pool, pool};

use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Version};
use crate::kit::server::serve;

const PEOPLE: usize = 20;
const WORDS: usize = 30;

pub(super) struct Crowd {
    pub url: String,
    pub pool: Pool,
    pub office: Office,
    pub servers: Vec<ServerProcess>,
    pub clients: Vec<Client>,
}

impl Crowd {
    /// Twenty people at two servers, each server known to all.
    pub async fn gather(cluster: &Cluster) -> Self {
        let url = cluster.database().await.url;
        let pool = pool(&url, 2).expect("a pool");
        let office = Office::open(&pool).await;
        let mut servers = Vec::new();
        for _ in 0..2 {
            let server = serve(&url, &[]).await;
            servers.push(server.expect("a server"));
        }
        let addresses: Vec<Address> = servers
            .iter()
            .map(|server| Address::parse(server.address()).expect("an address"))
            .collect();
        let mut clients = Vec::new();
        for person in 0..PEOPLE {
            let mut known = addresses.clone();
            known.rotate_left(person % 2);
            let device = format!("device {person}");
            let token = office.owner.token.reveal();
            let client = Client::start(Options::new(known, &token, &office.room(), &device));
            client.joined().await.expect("joined");
            clients.push(client);
        }
        let first = &clients[0];
        first.settled().await.expect("acknowledged");
        let operations = first.read(loro::LoroDoc::len_ops);
        for client in &clients {
            let has_text = |doc: &loro::LoroDoc| doc.len_ops() == operations;
            client
                .document_is(has_text)
                .await
                .expect("the text is there");
        }
        Self {
            url,
            pool,
            office,
            servers,
            clients,
        }
    }

    /// Everybody types; `fault` happens when half of it is said.
    async fn type_through(&mut self, fault: impl AsyncFnOnce(&mut Vec<ServerProcess>)) {
        let Self {
            clients, servers, ..
        } = self;
        for word in 0..WORDS / 2 {
            say(clients, word);
        }
        clients[0]
            .settled()
            .await
            .expect("some of it is acknowledged");
        for word in WORDS / 2..WORDS {
            say(clients, word);
        }
        fault(servers).await;
        for client in clients {
            client.settled().await.expect("acknowledged in the end");
        }
    }

    /// Every word of everybody is in every copy and in the rows, once, and all copies are equal.
    pub async fn check(&self, words: usize) {
        let rebuilt = rebuild(&self.pool, &self.office).await;
        for person in 0..PEOPLE {
            for word in 0..words {
                let word = spoken(person, word);
                assert_eq!(rebuilt.matches(&word).count(), 1, "{word} in the rows");
            }
        }
        for client in &self.clients {
            let same = client.document_is(|doc| plain_text(doc) == rebuilt);
            tokio::time::timeout(Duration::from_secs(30), same)
                .await
                .expect("every copy gets there")
                .expect("and says so");
        }
    }
}

/// Unlike every other word and part of none.
fn spoken(person: usize, word: usize) -> String {
    format!("<{person}.{word}>")
}

pub(super) fn say(clients: &[Client], word: usize) {
    for (person, client) in clients.iter().enumerate() {
        client
            .edit(|editor| editor.insert(0, &spoken(person, word)))
            .expect("typed");
    }
}

/// The text out of the rows alone.
async fn rebuild(pool: &Pool, office: &Office) -> String {
    // Twenty clients that catch up in this process leave little time for connecting: seconds on two busy cores.
    let mut connected = pool.get().await;
    for _ in 0..10 {
        if connected.is_err() {
            connected = pool.get().await;
        }
    }
    let client = connected.expect("a connection");
    let rows = client
        .query(
            "select update from quire.edit where org_id = $1 and document_id = $2",
            &[&office.org_id, &office.document_id],
        )
        .await
        .expect("rows");
    let mut document = LiveDocument::empty();
    for row in rows {
        document.import(row.get(0)).expect("a good row");
    }
    document.text().expect("a text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_while_twenty_people_type_loses_nothing_acknowledged() {
    let cluster = Cluster::start(Version::usual(), &[]);
    let mut crowd = Crowd::gather(&cluster).await;
    crowd
        .type_through(async |servers| servers[0].kill9().await)
        .await;
    crowd.check(WORDS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_killed_while_twenty_people_type_loses_nothing_acknowledged() {
    let mut cluster = Cluster::start(Version::usual(), &[]);
    let mut crowd = Crowd::gather(&cluster).await;
    crowd
        .type_through(async |_| {
            cluster.kill9();
            cluster.start_again();
        })
        .await;
    crowd.check(WORDS).await;
}
