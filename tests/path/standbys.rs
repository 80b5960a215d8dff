//! A primary, two standbys, four servers: two are fed from standbys, all read from them. Standbys stand
//! still, die and are promoted while people write; nobody misses anything or is shown an old text.

use quire::client::{Address, Api, Client, Options};
use quire::config::{FeedSource, Serve};
use quire::postgres::pool;
use quire::server::Server;

use crate::http::site::exchange;
use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Version, connect};
use crate::kit::server::{metric, program, shows};
use crate::kit::standby::Standby;

/// Only PostgreSQL 16 and newer decode on a standby.
const VERSION: Version = Version::V18;
const SERVERS: usize = 4;

fn folder(cluster: &Cluster) -> String {
    cluster.postgres().socket().display().to_string()
}

/// Four servers that read from standbys; two have the log from one.
pub async fn start_servers(database_url: &str) -> Vec<Server> {
    let mut servers = Vec::new();
    for number in 0..SERVERS {
        let mut settings = Serve::with_defaults(database_url);
        settings.read_from_standbys = true;
        if number % 2 == 1 {
            settings.feed_from = FeedSource::Standby;
        }
        let server = Server::start(&settings, program());
        servers.push(server.await.expect("it starts"));
    }
    servers
}

/// One writer at each server, and what they have written together.
struct Writers {
    servers: Vec<Server>,
    clients: Vec<Client>,
    office: Office,
    text: String,
    words: usize,
}

impl Writers {
    async fn start(database_url: &str, office: Office) -> Self {
        let servers = start_servers(database_url).await;
        let mut writers = Self {
            servers,
            clients: Vec::new(),
            office,
            text: String::new(),
            words: 0,
        };
        for number in 0..SERVERS {
            let client = writers.client(number, &format!("writer {number}"));
            client.joined().await.expect("joined");
            writers.clients.push(client);
        }
        let first = &writers.clients[0];
        first.settled().await.expect("durable");
        writers
    }

    fn address(&self, server: usize) -> Address {
        let url = format!("http://{}", self.servers[server].address());
        Address::parse(&url).expect("an address")
    }

    fn client(&self, server: usize, device: &str) -> Client {
        let address = self.address(server);
        let token = self.office.owner.token.reveal();
        Client::start(Options::new(
            vec![address],
            &token,
            &self.office.room(),
            device,
        ))
    }

    /// Everybody writes a word and sees all others'.
    async fn round(&mut self) {
        for client in &self.clients {
            // Each builds on the last one, which came through another server.
            shows(client, &self.text).await;
            let word = format!("{} ", self.words);
            client
                .edit(|editor| editor.insert(0, &word))
                .expect("written");
            client.settled().await.expect("acknowledged");
            self.text.insert_str(0, &word);
            self.words += 1;
        }
        for client in &self.clients {
            shows(client, &self.text).await;
        }
    }

    /// Each server reads it out of the tables, and lacks nothing that was acknowledged.
    async fn is_read_whole(&self) {
        let token = self.office.owner.token.reveal();
        let room = self.office.room();
        let (org_id, document_id) = room.split_once('/').expect("both ids");
        for server in 0..SERVERS {
            let api = Api::with_session(self.address(server), &token);
            let text = api.text(org_id, document_id).await.expect("read");
            assert_eq!(text.trim_end(), self.text.trim_end(), "by server {server}");
            let address = self.servers[server].address();
            let blame = format!(
                "GET /api/v1/organisations/{org_id}/documents/{document_id}/history/blame HTTP/1.1\r\n\
                 host: {address}\r\ncookie: quire_session={token}\r\nconnection: close\r\n\r\n"
            );
            let blame = exchange(address, &blame).await.json();
            let spans = blame["spans"].as_array().expect("spans");
            let known: String = spans
                .iter()
                .filter_map(|span| span["text"].as_str())
                .collect();
            assert_eq!(known.trim_end(), self.text.trim_end(), "by server {server}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standbys_that_stand_still_die_and_are_promoted_cause_no_gap_and_no_old_text() {
    let mut primary = Cluster::start(VERSION, &[]);
    let url = primary.database().await.url;
    let name = url.rsplit('/').next().expect("a name").to_owned();
    let office = Office::open(&pool(&url, 2).expect("a pool")).await;
    let conninfo = format!("host={} port=5432", folder(&primary));
    let first = Standby::of(&primary, &conninfo).await;
    let mut second = Standby::of(&primary, &conninfo).await;
    let hosts = [&primary, &first.cluster, &second.cluster]
        .map(folder)
        .join(",");
    let database_url = format!("host={hosts} port=5432 user=quire dbname={name}");
    let mut writers = Writers::start(&database_url, office).await;
    writers.round().await;
    let on_standbys = async || {
        let address = format!("http://{}", writers.servers[0].address());
        let count = metric(&address, "quire_reads_from_standbys_total").await;
        count.expect("it is counted")
    };
    let before = on_standbys().await;
    assert!(before > 0, "documents are read from standbys");

    let standing = connect(&first.cluster.url(&name)).await;
    let pause = "select pg_wal_replay_pause()";
    standing.execute(pause, &[]).await.expect("paused");
    writers.round().await;
    writers.is_read_whole().await;
    let resume = "select pg_wal_replay_resume()";
    standing.execute(resume, &[]).await.expect("resumed");

    second.cluster.kill9();
    writers.round().await;
    writers.is_read_whole().await;

    first.catch_up(&primary).await;
    primary.kill9();
    let promoted = first.promote().await;
    writers.round().await;
    writers.is_read_whole().await;
    for client in std::mem::take(&mut writers.clients) {
        client.close().await;
    }
    for server in writers.servers {
        server.stop().await;
    }
    drop(promoted);
}
