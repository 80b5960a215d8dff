//! A small shared cache in front of a server, as RFC 9111 has it: it keeps what it may, shows it while it
//! is fresh, then asks whether it is still so, and forgets what it is told to. Its clock is the test's.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::http::site::{Answer, exchange};

/// The cache. Its tasks end with the test's runtime.
#[derive(Clone)]
pub struct Cache {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: OnceLock<SocketAddr>,
    state: Mutex<State>,
    purges: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    now_s: u64,
    kept: HashMap<String, (Arc<Answer>, u64)>,
    /// Statuses of what the server was asked, in order.
    asked: Vec<u16>,
}

impl Cache {
    /// A cache in front of nothing yet.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let cache = Self {
            address: listener.local_addr().expect("an address"),
            shared: Arc::new(Shared {
                server: OnceLock::new(),
                state: Mutex::default(),
                purges: watch::Sender::new(0),
            }),
        };
        let served = cache.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("accepted");
                let cache = served.clone();
                tokio::spawn(async move { cache.serve(stream).await });
            }
        });
        cache
    }

    /// From now on it stands before this server.
    pub fn stands_before(&self, server: SocketAddr) {
        self.shared
            .server
            .set(server)
            .expect("it stood before nothing");
    }

    /// How often it was told to forget something.
    pub fn purges(&self) -> watch::Receiver<usize> {
        self.shared.purges.subscribe()
    }

    /// What the server answered so far, in order.
    pub fn asked(&self) -> Vec<u16> {
        self.shared.state.lock().expect("held").asked.clone()
    }

    /// Time passes.
    pub fn wait_s(&self, seconds: u64) {
        self.shared.state.lock().expect("held").now_s += seconds;
    }

    /// What a reader gets from it: the status and the body.
    pub async fn read(&self, path: &str) -> (u16, String) {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            self.address
        );
        let answer = exchange(self.address, &request).await;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        (answer.status, body)
    }

    async fn serve(&self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        let (mut first, mut length) = (String::new(), 0);
        stream.read_line(&mut first).await.expect("a request");
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.expect("a header");
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a number");
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.expect("a body");
        let mut words = first.split(' ');
        let (method, path) = (
            words.next().expect("a method"),
            words.next().expect("a path"),
        );
        let (status, body) = match method {
            "GET" => {
                let answer = self.answer(path).await;
                (answer.status, answer.body.clone())
            }
            "PURGE" => (self.purge(&[path.to_owned()]), Vec::new()),
            "POST" => {
                let told: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
                let urls = told["urls"].as_array().expect("addresses").iter();
                let path = |url: &serde_json::Value| {
                    let url = url.as_str().expect("an address");
                    url[url.find("/p/").expect("a page")..].to_owned()
                };
                (self.purge(&urls.map(path).collect::<Vec<_>>()), Vec::new())
            }
            method => panic!("a cache was asked to {method}"),
        };
        let head = format!(
            "HTTP/1.1 {status} -\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let bytes = [head.as_bytes(), &body].concat();
        stream.write_all(&bytes).await.expect("answered");
    }

    fn purge(&self, paths: &[String]) -> u16 {
        let mut state = self.shared.state.lock().expect("held");
        for path in paths {
            state.kept.remove(path);
        }
        drop(state);
        self.shared.purges.send_modify(|count| *count += 1);
        200
    }

    async fn answer(&self, path: &str) -> Arc<Answer> {
        let (kept, now_s) = {
            let state = self.shared.state.lock().expect("held");
            (state.kept.get(path).cloned(), state.now_s)
        };
        if let Some((answer, until_s)) = &kept
            && now_s < *until_s
        {
            return answer.clone();
        }
        let known = kept.as_ref().and_then(|(answer, _)| answer.header("etag"));
        let known = known.map_or(String::new(), |tag| format!("if-none-match: {tag}\r\n"));
        let server = *self.shared.server.get().expect("it stands before a server");
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {server}\r\n{known}connection: close\r\n\r\n");
        let answer = Arc::new(exchange(server, &request).await);
        let mut state = self.shared.state.lock().expect("held");
        state.asked.push(answer.status);
        let policy = answer.header("cache-control").unwrap_or_default();
        let fresh_s = policy
            .split(", ")
            .find_map(|part| part.strip_prefix("s-maxage="));
        let fresh_s: u64 = fresh_s.map_or(0, |seconds| seconds.parse().expect("seconds"));
        let answer = match (answer.status, kept) {
            (304, Some((before, _))) => before,
            _ => answer.clone(),
        };
        if policy.contains("no-store") {
            state.kept.remove(path);
        } else {
            let until_s = state.now_s + fresh_s;
            state
                .kept
                .insert(path.to_owned(), (answer.clone(), until_s));
        }
        answer
    }
}
