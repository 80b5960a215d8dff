//! A history is replayed over four servers, two of them fed from standbys, while a standby stands still,
//! one is killed and the other takes the primary's place. QUIRE_TRACES names a folder with recorded
//! histories; without one a made-up one stands for them. `make cluster-check` prints what it counts.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use quire::auth::welcome_link;
use quire::client::{Address, Api, Client, Options};
use quire::error::Kind;
use quire::postgres::pool;
use quire::server::Server;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::standbys::start_servers;
use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Version, connect};
use crate::kit::server::{program, shows};
use crate::kit::standby::Standby;

/// Only PostgreSQL 16 and newer decode on a standby.
const VERSION: Version = Version::V18;
/// Edits of the history, and how many of them a second: it goes on through all that happens.
const EDITS: u32 = 4_000;
const RATE: u32 = 200;
/// How long a word may take to a reader, failovers included, before it counts as missing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Servers, somebody who writes words at the first, and whoever reads them at the others.
struct Office4 {
    servers: Vec<Server>,
    office: Office,
    writer: Client,
    readers: Vec<Client>,
    text: String,
    stale_reads: usize,
    /// Words that did not come to a reader.
    gaps: usize,
    words: usize,
}

impl Office4 {
    async fn start(database_url: &str, office: Office) -> Self {
        let servers = start_servers(database_url).await;
        let client = |server: &Server, device: &str| {
            let url = format!("http://{}", server.address());
            let address = Address::parse(&url).expect("an address");
            let token = office.owner.token.reveal();
            Client::start(Options::new(vec![address], &token, &office.room(), device))
        };
        let writer = client(&servers[0], "writer");
        writer.joined().await.expect("joined");
        writer.settled().await.expect("durable");
        let readers: Vec<_> = servers[1..]
            .iter()
            .enumerate()
            .map(|(number, server)| client(server, &format!("reader {number}")))
            .collect();
        Self {
            servers,
            office,
            writer,
            readers,
            text: String::new(),
            stale_reads: 0,
            gaps: 0,
            words: 0,
        }
    }

    /// Words are written; each must be in what any server reads from then on, and come to all readers.
    async fn look(&mut self, words: usize) {
        let token = self.office.owner.token.reveal();
        let room = self.office.room();
        let (org_id, document_id) = room.split_once('/').expect("both ids");
        for _ in 0..words {
            let word = format!("{} ", self.words);
            self.words += 1;
            self.writer
                .edit(|editor| editor.insert(0, &word))
                .expect("written");
            self.writer.settled().await.expect("acknowledged");
            self.text.insert_str(0, &word);
            for server in &self.servers {
                let url = format!("http://{}", server.address());
                let address = Address::parse(&url).expect("an address");
                let api = Api::with_session(address, &token);
                // One that has not followed the new primary yet says so, and shows nothing.
                let read = loop {
                    match api.text(org_id, document_id).await {
                        Err(error) if error.kind() == Kind::Unavailable => {}
                        read => break read.expect("read"),
                    }
                };
                self.stale_reads += usize::from(read.trim_end() != self.text.trim_end());
            }
            for reader in &self.readers {
                let shown = tokio::time::timeout(PATIENCE, shows(reader, &self.text));
                self.gaps += usize::from(shown.await.is_err());
            }
        }
    }
}

fn replay(servers: &[Server], link: &str, database_url: &str) -> Child {
    let mut command = Command::new(program());
    command.arg("replay");
    let folder = std::env::var_os("QUIRE_TRACES").map(PathBuf::from);
    let recorded = folder.map(|folder| folder.join("friendsforever.json.gz"));
    match recorded.filter(|file| file.exists()) {
        Some(file) => command.arg(file),
        None => {
            println!(
                "skipped: QUIRE_TRACES names no folder with friendsforever.json.gz; a made-up history stands for it"
            );
            command.args(["--synthetic", "7", "--writers", "4"])
        }
    };
    for server in servers {
        command.args(["--address", &format!("http://{}", server.address())]);
    }
    command
        .args(["--link", link, "--database-url", database_url])
        .args(["--edits", &EDITS.to_string(), "--rate", &RATE.to_string()])
        .args(["--no-bare-commits", "--json"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("quire runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_comes_through_whole_while_standbys_fail_and_one_takes_over() {
    let mut primary = Cluster::start(VERSION, &[]);
    let url = primary.database().await.url;
    let name = url.rsplit('/').next().expect("a name").to_owned();
    let database = pool(&url, 2).expect("a pool");
    let office = Office::open(&database).await;
    let link = welcome_link(&database).await.expect("a link").reveal();
    let folder = |cluster: &Cluster| cluster.postgres().socket().display().to_string();
    let conninfo = format!("host={} port=5432", folder(&primary));
    let first = Standby::of(&primary, &conninfo).await;
    let mut second = Standby::of(&primary, &conninfo).await;
    let hosts = [&primary, &first.cluster, &second.cluster]
        .map(folder)
        .join(",");
    let database_url = format!("host={hosts} port=5432 user=quire dbname={name}");
    let mut people = Office4::start(&database_url, office).await;
    let replay = replay(&people.servers, &link, &database_url);
    people.look(5).await;

    let standing = connect(&first.cluster.url(&name)).await;
    let pause = "select pg_wal_replay_pause()";
    standing.execute(pause, &[]).await.expect("paused");
    people.look(5).await;
    let resume = "select pg_wal_replay_resume()";
    standing.execute(resume, &[]).await.expect("resumed");
    people.look(5).await;
    second.cluster.kill9();
    people.look(5).await;

    primary.kill9();
    let promoted = first.promote().await;
    people.look(5).await;

    let replayed = replay.wait_with_output().await.expect("it ends");
    let line = String::from_utf8(replayed.stdout).expect("text");
    let report: Value = serde_json::from_str(line.lines().last().unwrap_or("null")).expect("JSON");
    let converged =
        replayed.status.success() && report["matches"] == true && report["rebuilt_matches"] == true;
    let counted = json!({
        "converged": converged,
        "stale_reads": people.stale_reads,
        "gaps": people.gaps,
        "edits": report["edits"],
        "words": people.words,
    });
    println!("cluster-check: {counted}");
    assert!(converged, "{line}");
    assert_eq!((people.stale_reads, people.gaps), (0, 0));
    for client in people.readers.into_iter().chain([people.writer]) {
        client.close().await;
    }
    for server in people.servers {
        server.stop().await;
    }
    drop(promoted);
}
