//! A server in a process of its own, people who write in one organisation, and an attacker in another.

use std::time::{Duration, Instant};

use quire::auth::Token;
use quire::client::{Address, Client, Options};
use quire::dev::ServerProcess;
use quire::postgres::{Pool, pool};
use serde::Serialize;
use tokio::time::timeout;
use uuid::Uuid;

use crate::kit::members::{document, member, organisation};
use crate::kit::pause;
use crate::kit::people::Office;
use crate::kit::postgres::Database;
use crate::kit::server::{resident_bytes, serve, shows};

/// Edits whose acks are measured.
const EDITS: usize = 100;
/// How long a server may take to stop: what it gives its clients, and some.
const STOP: Duration = Duration::from_secs(30);
/// How long after an ack the next one is typed.
const TYPING: Duration = Duration::from_millis(20);

pub struct Stage {
    pub server: ServerProcess,
    pub pool: Pool,
    pub attacker: Attacker,
    writer: Client,
    reader: Client,
}

/// Somebody of another organisation, who owns a document there.
pub struct Attacker {
    pub token: Token,
    pub account_id: Uuid,
    pub org_id: Uuid,
    pub document_id: Uuid,
}

impl Attacker {
    pub fn room(&self) -> String {
        format!("{}/{}", self.org_id, self.document_id)
    }
}

/// What the others noticed, and the server.
#[derive(Debug, Serialize)]
pub struct Figures {
    pub ack_ms_p99: f64,
    pub shown_ms_p99: f64,
    pub rss_mb: usize,
}

impl Stage {
    pub async fn set() -> Self {
        Self::on(&Database::new().await.url).await
    }

    pub async fn on(url: &str) -> Self {
        let pool = pool(url, 4).expect("a pool");
        let honest = Office::open(&pool).await;
        let client = pool.get().await.expect("a connection");
        let org_id = organisation(&client, "Mischief").await;
        let (session, token) = member(&client, org_id, "Mallory", "member").await;
        let document_id = document(&client, org_id, session.account_id).await;
        drop(client);
        let attacker = Attacker {
            token,
            account_id: session.account_id,
            org_id,
            document_id,
        };
        let server = serve(url, &[]).await.expect("a server");
        let client = async |device: &str| {
            let address = Address::parse(server.address()).expect("an address");
            let token = honest.owner.token.reveal();
            let mut options = Options::new(vec![address], &token, &honest.room(), device);
            options.presence = true;
            let client = Client::start(options);
            client.joined().await.expect("joined");
            client
        };
        let (writer, reader) = (client("desk").await, client("phone").await);
        writer.settled().await.expect("acknowledged");
        shows(&reader, "").await;
        Self {
            server,
            pool,
            attacker,
            writer,
            reader,
        }
    }

    /// The rooms of so many more documents of the attacker.
    pub async fn rooms(&self, count: usize) -> Vec<String> {
        let client = self.pool.get().await.expect("a connection");
        let org_id = self.attacker.org_id;
        let mut rooms = Vec::new();
        for _ in 0..count {
            let document_id = document(&client, org_id, self.attacker.account_id).await;
            rooms.push(format!("{org_id}/{document_id}"));
        }
        rooms
    }

    pub fn address(&self) -> Address {
        Address::parse(self.server.address()).expect("an address")
    }

    pub fn resident_bytes(&self) -> usize {
        resident_bytes(self.server.pid().expect("it runs"))
    }

    /// The honest ones type and read; all of it must come through.
    pub async fn type_on(&self) -> Figures {
        let (mut acks, mut shown) = (Vec::new(), Vec::new());
        for _ in 0..EDITS {
            let began = Instant::now();
            let insert = self.writer.edit(|editor| editor.insert(0, "x"));
            insert.expect("typed");
            self.writer.settled().await.expect("acknowledged");
            acks.push(began.elapsed());
            shows(&self.reader, &self.writer.text()).await;
            shown.push(began.elapsed());
            let next = Instant::now() + TYPING;
            while Instant::now() < next {
                pause().await;
            }
        }
        Figures {
            ack_ms_p99: p99_ms(acks),
            shown_ms_p99: p99_ms(shown),
            rss_mb: self.resident_bytes() >> 20,
        }
    }
}

fn p99_ms(mut times: Vec<Duration>) -> f64 {
    times.sort();
    let at = (times.len() * 99).div_ceil(100) - 1;
    (times[at].as_secs_f64() * 10_000.0).round() / 10.0
}

impl Stage {
    /// Stops the server while the attack goes on, and prints what was measured without and with it, as a line
    /// that scripts find.
    pub async fn end(mut self, attack: &str, alone: &Figures, attacked: &Figures) {
        let began = Instant::now();
        let stopped = timeout(STOP, self.server.stop()).await;
        assert!(stopped.is_ok(), "it has not stopped after {STOP:?}");
        let stop_s = (began.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        let figures = serde_json::json!({
            "attack": attack, "alone": alone, "attacked": attacked, "stop_s": stop_s
        });
        println!("attack: {figures}");
    }
}
