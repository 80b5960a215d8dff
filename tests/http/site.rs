//! A server's HTTP side in this process, and visitors who talk to it.

use super::openapi;
use crate::kit::members::{member, organisation};
use crate::kit::postgres::Database;
use crate::kit::provider::no_provider;
use quire::activity::Activity;
use quire::auth::{Session, Token, welcome_link};
use quire::config::Oidc;
use quire::document::history::Histories;
use quire::error::{Error, Kind};
use quire::http::{Context, Pages, RESETS, Readiness, Timeouts, send_resets, serve_connection};
use quire::mail::Mailer;
use quire::oidc::Provider;
use quire::overview::{Hearing, Overview};
use quire::postgres::Pool;
use quire::presence::Servers;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

/// A running server. Its tasks end with the test's runtime.
pub struct Site {
    pub pool: Pool,
    pub address: SocketAddr,
    servers: watch::Sender<Servers>,
    pub readiness: watch::Sender<Readiness>,
    /// The sessions of the WebSockets that were handed over.
    pub upgraded: mpsc::Receiver<Option<Session>>,
    /// Asks the server to stop.
    pub stop: watch::Sender<bool>,
    /// How many connections it has served to their end.
    pub ended: watch::Receiver<usize>,
}

/// What a site can be started with.
pub struct Options {
    pub timeouts: Timeouts,
    /// Public addresses after its own.
    pub public_urls: Vec<String>,
    pub mailer: Mailer,
    pub open_sign_up: bool,
    pub trusted_proxies: Vec<ipnet::IpNet>,
    pub oidc: Oidc,
    /// Whether caches are told of changes.
    pub purges: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeouts: Timeouts::default(),
            public_urls: Vec::new(),
            mailer: Mailer::Log,
            open_sign_up: false,
            trusted_proxies: Vec::new(),
            oidc: no_provider(),
            purges: false,
        }
    }
}

/// An overview of a database that is not there: who may see one is asked here, what it shows at whole
/// servers.
fn nobody_answers() -> Arc<Overview> {
    let nowhere = "postgres://127.0.0.1:1/nowhere";
    let overview = Overview::new(nowhere, Activity::default(), Box::new(Hearing::default));
    Arc::new(overview.expect("an overview"))
}

impl Site {
    pub async fn start() -> Self {
        Self::with(Timeouts::default(), &[]).await
    }

    /// With other patience, and with public addresses after its own.
    pub async fn with(timeouts: Timeouts, public_urls: &[&str]) -> Self {
        let public_urls = public_urls.iter().map(|url| url.to_string()).collect();
        Self::with_options(Options {
            timeouts,
            public_urls,
            ..Options::default()
        })
        .await
    }

    pub async fn with_options(options: Options) -> Self {
        Self::on(Database::new().await.pool(), options).await
    }

    /// One more server on the same database.
    pub async fn sister(&self) -> Self {
        self.sister_with(Options::default()).await
    }

    /// The same, with other settings.
    pub async fn sister_with(&self, options: Options) -> Self {
        Self::on(self.pool.clone(), options).await
    }

    /// On a database that is there.
    pub async fn on(pool: Pool, options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut urls = vec![format!("http://{address}")];
        urls.extend(options.public_urls);
        let (resets, asked) = mpsc::channel(RESETS);
        let never = std::future::pending();
        tokio::spawn(send_resets(pool.clone(), options.mailer, asked, never));
        let (servers, servers_seen) = watch::channel(Servers::default());
        let (readiness, readiness_seen) = watch::channel(Readiness::Ready);
        let (upgrades, upgraded) = mpsc::channel(8);
        let context = Arc::new(Context {
            directory: Default::default(),
            pool: pool.clone(),
            public_urls: urls,
            servers: servers_seen,
            readiness: readiness_seen,
            overview: nobody_answers(),
            on_upgrade: Arc::new(move |mut io, session| {
                let upgrades = upgrades.clone();
                Box::pin(async move {
                    upgrades.send(session).await.unwrap();
                    // An echo of bytes is enough to see that the connection is there.
                    let mut bytes = [0; 5];
                    let mut io = hyper_util::rt::TokioIo::new(&mut io);
                    let io = io.inner_mut();
                    if io.read_exact(&mut bytes).await.is_ok() {
                        io.write_all(&bytes).await.unwrap();
                    }
                })
            }),
            // There is no feed here: edits are asked for at whole servers.
            histories: Histories::default(),
            pages: Pages::default(),
            purges: options.purges,
            on_edit: Arc::new(|_, _, _, _| {
                let context = "this site has no documents open";
                Box::pin(async move { Err(Error::new(Kind::Unavailable, context)) })
            }),
            resets,
            trusted_proxies: options.trusted_proxies,
            open_sign_up: options.open_sign_up,
            oidc: Provider::new(&options.oidc).unwrap(),
            timeouts: options.timeouts,
        });
        let (stop, stopped) = watch::channel(false);
        let (count, ended) = watch::channel(0);
        let count = Arc::new(count);
        tokio::spawn(async move {
            loop {
                let (stream, from) = listener.accept().await.unwrap();
                let context = context.clone();
                let mut stopped = stopped.clone();
                let count = count.clone();
                tokio::spawn(async move {
                    serve_connection(stream, from.ip(), context, async move {
                        // The sender going away is no request to stop.
                        if stopped.wait_for(|stop| *stop).await.is_err() {
                            std::future::pending::<()>().await;
                        }
                    })
                    .await;
                    count.send_modify(|count| *count += 1);
                });
            }
        });
        Self {
            pool,
            address,
            servers,
            readiness,
            upgraded,
            stop,
            ended,
        }
    }

    /// These servers live and take clients, as far as this one knows.
    pub fn live(&self, live: Vec<String>) {
        let away = Vec::new();
        self.servers.send_replace(Servers { live, away });
    }

    /// Somebody who is not signed in.
    pub fn stranger(&self) -> Visitor {
        Visitor {
            address: self.address,
            token: None,
            org_id: Uuid::nil(),
            account_id: Uuid::nil(),
        }
    }

    /// The owner, who came by the first link; and the first document.
    pub async fn owner(&self) -> (Visitor, Uuid) {
        let link = welcome_link(&self.pool).await.unwrap();
        let body = json!({"token": link.reveal(), "name": "Ada"});
        let answer = self.stranger().post("/api/v1/welcome", body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let json = answer.json();
        let visitor = Visitor {
            address: self.address,
            token: Some(answer.cookie("quire_session").unwrap().to_owned()),
            org_id: id(&json["organisation"]["org_id"]),
            account_id: id(&json["account"]["account_id"]),
        };
        (visitor, id(&json["document_id"]))
    }

    /// Somebody who belongs to an organisation: an existing one or one of their own.
    pub async fn somebody(&self, org_id: Option<Uuid>, role: &str) -> Visitor {
        let client = self.pool.get().await.unwrap();
        let org_id = match org_id {
            Some(org_id) => org_id,
            None => organisation(&client, "Another").await,
        };
        let (session, token): (Session, Token) = member(&client, org_id, "Bob", role).await;
        Visitor {
            address: self.address,
            token: Some(token.reveal()),
            org_id,
            account_id: session.account_id,
        }
    }
}

/// A client with or without a session.
#[derive(Clone)]
pub struct Visitor {
    pub address: SocketAddr,
    pub token: Option<String>,
    pub org_id: Uuid,
    pub account_id: Uuid,
}

impl Visitor {
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.change("POST", path, body).await
    }

    pub async fn change(&self, method: &str, path: &str, body: Value) -> Answer {
        self.send(method, path, &[("x-quire", "1")], &body.to_string())
            .await
    }

    /// The same person in the browser that was given this answer.
    pub fn after(&self, answer: &Answer) -> Self {
        let token = answer.cookie("quire_session").map(str::to_owned);
        assert!(token.is_some(), "{answer:?}");
        Self {
            token,
            ..self.clone()
        }
    }

    /// The address of the visitor's organisation.
    pub fn organisation(&self, rest: &str) -> String {
        format!("/api/v1/organisations/{}{rest}", self.org_id)
    }

    /// The address of one of its documents.
    pub fn document(&self, document_id: Uuid, rest: &str) -> String {
        self.organisation(&format!("/documents/{document_id}{rest}"))
    }

    /// A request with these headers; Host and Cookie are added when they are not among them.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        let has = |name: &str| headers.iter().any(|(known, _)| *known == name);
        if !has("host") {
            head += &format!("host: {}\r\n", self.address);
        }
        if let Some(token) = self.token.as_ref().filter(|_| !has("cookie")) {
            head += &format!("cookie: other=1; quire_session={token}\r\n");
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !has("content-length") && (method != "GET" || !body.is_empty()) {
            head += &format!("content-length: {}\r\n", body.len());
        }
        let answer = exchange(self.address, &format!("{head}\r\n{body}")).await;
        openapi::check(method, path, &answer);
        answer
    }
}

/// Sends bytes and reads the answer until the server closes.
pub async fn exchange(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // A server that refuses a body closes while it is still being sent: what it said counts.
    let _ = stream.read_to_end(&mut bytes).await;
    Answer::parse(&bytes)
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        Self {
            status: status.parse().unwrap(),
            headers: lines
                .map(|line| line.split_once(": ").unwrap())
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// What a problem says (RFC 9457), after a look at its form.
    pub fn detail(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["type"], "about:blank");
        assert!(problem["title"].is_string());
        problem["detail"].as_str().unwrap().to_owned()
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        let mut pairs = cookies.filter_map(|(_, cookie)| cookie.split(';').next()?.split_once('='));
        pairs
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }
}

/// An id in a JSON answer.
pub fn id(value: &Value) -> Uuid {
    value.as_str().unwrap().parse().unwrap()
}
