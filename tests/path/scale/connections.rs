//! Memory of a server with many connections that are idle in many documents.

use std::fmt::Debug;
use std::path::Path;

use futures_util::{StreamExt, stream};
use quire::dev::ServerProcess;
use quire::document::tree::{Child, Node, Run};
use quire::http::create_document;
use quire::postgres::{Pool, pool};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::pki_types::ServerName;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::{given, report};
use crate::kit::idle::Idle;
use crate::kit::people::Office;
use crate::kit::postgres::Database;
use crate::kit::server::{private_bytes, program};
use crate::path::encrypted::{CERTIFICATES, trusting};

/// Who joins at the same time.
const AT_ONCE: usize = 32;
/// Files that a process has open besides its connections.
const OTHER_FILES: u64 = 500;

#[derive(Debug, Serialize)]
struct Figures {
    tls: bool,
    connections: usize,
    documents: usize,
    empty_bytes: usize,
    bytes_per_connection: usize,
    /// Of an idle document that is hardly longer than its seed, besides its first connection.
    bytes_per_document: usize,
}

/// What the many connect to.
struct Crowd {
    server: ServerProcess,
    tls: Option<TlsConnector>,
    token: String,
    rooms: Vec<String>,
    staying: Vec<JoinSet<String>>,
    count: usize,
}

trait Io: AsyncRead + AsyncWrite + Unpin + Send + Debug {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + Debug> Io for S {}

impl Crowd {
    /// Nobody yet, at a server of its own that takes so many.
    async fn at_server(connections: usize, documents: usize, page: Node, tls: bool) -> Self {
        allow_files(connections as u64 + OTHER_FILES);
        let url = Database::new().await.url;
        let pool = pool(&url, 8).expect("a pool");
        let office = Office::open(&pool).await;
        let rooms = rooms(&pool, &office, documents, &page).await;
        let mut arguments = vec!["--connections".to_owned(), connections.to_string()];
        if tls {
            let file = |name: &str| Path::new(CERTIFICATES).join(name).display().to_string();
            arguments.extend(["--tls-certificate".to_owned(), file("one.pem")]);
            arguments.extend(["--tls-key".to_owned(), file("one.key")]);
        }
        let server = ServerProcess::spawn(&program(), &url, &arguments)
            .await
            .expect("a server");
        Self {
            server,
            tls: tls.then(trusting),
            token: office.owner.token.reveal(),
            rooms,
            staying: Vec::new(),
            count: 0,
        }
    }

    fn bytes(&self) -> usize {
        private_bytes(self.server.pid().expect("it runs"))
    }

    async fn connect(&self) -> Box<dyn Io> {
        let (_, authority) = self.server.address().split_once("//").expect("a scheme");
        let stream = TcpStream::connect(authority).await.expect("connected");
        match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = ServerName::try_from("quire.test").expect("a name");
                Box::new(tls.connect(name, stream).await.expect("a handshake"))
            }
        }
    }

    /// Lets so many more in, one room after another, and waits until all are.
    async fn grow(&mut self, by: usize) {
        let (_, authority) = self.server.address().split_once("//").expect("a scheme");
        let sync_url = &format!("ws://{authority}/sync/v1");
        let all = &*self;
        let arrivals = (self.count..self.count + by).map(|number| async move {
            let room = &all.rooms[number % all.rooms.len()];
            let device = number.to_string();
            Idle::join(all.connect().await, sync_url, room, &all.token, &device).await
        });
        let mut arrivals = stream::iter(arrivals).buffer_unordered(AT_ONCE);
        // Whoever is there answers at once when it is asked whether it lives.
        let mut staying = JoinSet::new();
        while let Some(idle) = arrivals.next().await {
            staying.spawn(idle.stay());
        }
        drop(arrivals);
        self.staying.push(staying);
        self.count += by;
    }

    fn are_all_here(&mut self) {
        for staying in &mut self.staying {
            if let Some(gone) = staying.try_join_next() {
                panic!("one was sent away: {gone:?}");
            }
        }
    }
}

async fn rooms(pool: &Pool, office: &Office, count: usize, page: &Node) -> Vec<String> {
    let (org_id, account) = (office.org_id, office.owner.session.account_id);
    let client = pool.get().await.expect("a connection");
    let mut rooms = Vec::new();
    while rooms.len() < count {
        let document = create_document(&client, org_id, None, account, "Minutes", Some(page))
            .await
            .expect("a document");
        rooms.push(format!("{org_id}/{document}"));
    }
    rooms
}

fn page(characters: usize) -> Node {
    let text = Run {
        text: "0123456789".repeat(characters / 10),
        ..Run::default()
    };
    let line = Node::new("paragraph", vec![Child::Text(text)]);
    Node::page(vec![Child::Node(line)])
}

/// This process and those that it starts may have so many files open.
fn allow_files(count: u64) {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    assert!(most >= count, "ulimit -Hn is {most}, {count} are needed");
    if limit.current.is_some_and(|current| current < count) {
        let raised = Rlimit {
            current: Some(count),
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, raised).expect("the limit is raised");
    }
}

async fn measure(connections: usize, documents: usize, tls: bool) -> Figures {
    let mut crowd = Crowd::at_server(connections, documents, page(10), tls).await;
    // What the first ones cost is the server's: its pools, caches and threads.
    crowd.grow(documents / 10).await;
    let empty_bytes = crowd.bytes();
    let warm = crowd.count;
    crowd.grow(documents - warm).await;
    let open_bytes = crowd.bytes();
    crowd.grow(connections - documents).await;
    let full_bytes = crowd.bytes();
    crowd.are_all_here();
    let per = |from: usize, to: usize, count: usize| to.saturating_sub(from) / count;
    let bytes_per_connection = per(open_bytes, full_bytes, connections - documents);
    let bytes_per_first = per(empty_bytes, open_bytes, documents - warm);
    Figures {
        tls,
        connections,
        documents,
        empty_bytes,
        bytes_per_connection,
        bytes_per_document: bytes_per_first.saturating_sub(bytes_per_connection),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_costs_little_memory() {
    let (connections, _) = given("QUIRE_SCALE_CONNECTIONS", 300);
    let figures = measure(connections, connections / 10, false).await;
    report("connections", &figures);
    assert!(figures.bytes_per_connection < 13 << 10, "{figures:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_encrypted_connection_costs_little_memory() {
    let (connections, _) = given("QUIRE_SCALE_CONNECTIONS", 300);
    let figures = measure(connections, connections / 10, true).await;
    report("encrypted-connections", &figures);
    assert!(figures.bytes_per_connection < 28 << 10, "{figures:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_keeps_nothing_of_a_long_document_that_it_was_sent() {
    let connections = 200;
    let mut crowd = Crowd::at_server(connections + 20, 1, page(200_000), false).await;
    crowd.grow(20).await;
    let before = crowd.bytes();
    crowd.grow(connections).await;
    let bytes = crowd.bytes().saturating_sub(before) / connections;
    crowd.are_all_here();
    assert!(bytes < 32 << 10, "{bytes} of 200,000 are kept");
}
