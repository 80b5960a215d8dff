//! Servers in this process, and clients of them.

use std::path::PathBuf;

use quire::client::{Address, Client, Options};
use quire::config::Serve;
use quire::dev::ServerProcess;
use quire::error::Error;
use quire::postgres::{Pool, pool};
use quire::server::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::people::{Office, Person};
use super::postgres::Database;

/// Quire's own binary, which tries updates in a child process.
pub fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_quire").into()
}

/// A database with an office in it, and servers.
pub struct World {
    pub database: Database,
    pub pool: Pool,
    pub office: Office,
    pub servers: Vec<Server>,
}

impl World {
    /// `count` servers on a database of their own.
    pub async fn with_servers(count: usize) -> Self {
        Self::on(Database::new().await, count).await
    }

    /// `count` servers on `database`.
    pub async fn on(database: Database, count: usize) -> Self {
        let pool = pool(&database.url, 4).expect("a pool");
        let office = Office::open(&pool).await;
        let mut world = Self {
            database,
            pool,
            office,
            servers: Vec::new(),
        };
        for _ in 0..count {
            world.add_server().await;
        }
        world
    }

    /// One more server.
    pub async fn add_server(&mut self) {
        let server = Self::server_on(&self.database).await;
        self.servers.push(server);
    }

    /// A server on `database` that its caller stops.
    pub async fn server_on(database: &Database) -> Server {
        let mut settings = Serve::with_defaults(&database.url);
        settings.drain = std::time::Duration::from_secs(1);
        let server = Server::start(&settings, program())
            .await
            .expect("the server starts");
        ready(&server.address().to_string()).await;
        server
    }

    /// The address of a server.
    pub fn address(&self, server: usize) -> Address {
        let url = format!("http://{}", self.servers[server].address());
        Address::parse(&url).expect("an address")
    }

    /// A client of one server, joined to the office's first document.
    pub async fn client(&self, server: usize, person: &Person, device: &str) -> Client {
        self.client_of(vec![self.address(server)], person, device)
            .await
    }

    /// A client that knows these servers, joined to the office's first document.
    pub async fn client_of(
        &self,
        addresses: Vec<Address>,
        person: &Person,
        device: &str,
    ) -> Client {
        let token = person.token.reveal();
        let mut options = Options::new(addresses, &token, &self.office.room(), device);
        options.presence = true;
        let client = Client::start(options);
        client.joined().await.expect("joined");
        client
    }

    /// Stops all servers in order.
    pub async fn stop(self) {
        for server in self.servers {
            server.stop().await;
        }
    }
}

/// How long a client may take to show something; a wait without an end would be a failure without a name.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(180);

/// Waits until a client shows exactly this text.
pub async fn shows(client: &Client, text: &str) {
    use quire::document::blocks::plain_text;
    let shown = client.document_is(|doc| plain_text(doc) == text);
    let problem = match tokio::time::timeout(PATIENCE, shown).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("not within {PATIENCE:?}"),
    };
    panic!(
        "waiting for {text:?}: {problem}; it shows {:?}",
        client.text()
    );
}

/// A server in a process of its own that hears the log: what is written from now on it is told, and need not
/// read.
///
/// # Errors
/// As it does not start.
pub async fn serve(url: &str, arguments: &[String]) -> Result<ServerProcess, Error> {
    let server = ServerProcess::spawn(&program(), url, arguments).await?;
    ready(server.address()).await;
    Ok(server)
}

/// Waits until a server hears the log, which it does not while others write in transactions that began before.
pub async fn ready(address: &str) {
    let is_ready = async {
        while readiness(address).await != Some(200) {
            super::pause().await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, is_ready).await;
    assert!(in_time.is_ok(), "{address} is not ready after {PATIENCE:?}");
}

/// The status of what a server answers to `GET /readyz`; none while it does not answer.
pub async fn readiness(address: &str) -> Option<u16> {
    let answer = get(address, "/readyz").await?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// One number out of a server's `/metrics`; none while it does not answer.
pub async fn metric(address: &str, name: &str) -> Option<i64> {
    let text = get(address, "/metrics").await?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.and_then(|value| value.parse().ok())
}

/// All of an answer, as it comes.
async fn get(address: &str, path: &str) -> Option<String> {
    let host = address.trim_start_matches("http://");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let mut stream = TcpStream::connect(host).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await.ok()?;
    Some(text)
}

/// Memory of a process.
pub fn resident_bytes(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.expect("its memory") << 10
}

/// Memory that a process has written to, and so has for itself.
pub fn private_bytes(pid: u32) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("it runs");
    let own = maps
        .lines()
        .filter(|line| line.starts_with("Private_Dirty:"));
    let kib = own.filter_map(|line| line.split_whitespace().nth(1)?.parse::<usize>().ok());
    kib.sum::<usize>() << 10
}

/// What servers in this process have counted so far.
pub fn counted(name: &str) -> u64 {
    quire::metrics::text()
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
        .expect("the metric is shown")
}
