//! The port that speaks Postgres: whoever signs in has a session of their own on the database that this
//! server follows, passed through message by message, in which the functions of `function.rs` can be
//! called. What a session may do Postgres decides; docs/sql-port.md says how to use it.

mod answers;
mod calls;
mod cancel;
mod edit;
mod find;
mod finder;
mod function;
pub(crate) mod hostile;
mod ledger;
mod message;
mod open;
mod own;
mod peer;
mod prepared;
mod reads;
mod refusal;
mod requests;
mod rewrite;
mod rows;
mod session;
mod shelf;
mod sign_in;
mod sql;
mod startup;
mod threads;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::future::join_all;
use ipnet::IpNet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_postgres::Config;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::calls::Library;
use self::cancel::Keys;
use self::open::open;
use self::peer::{End, Peer};
use self::refusal::Refusal;
use self::session::{Ends, pass, stopping};
use self::sign_in::{Legs, sign_in};
use self::startup::{Opening, Startup};
use self::threads::Threads;
use crate::auth::network_id;
use crate::error::{Error, Kind, Result};
use crate::fair::Shares;
use crate::feed::{self, Address, Secured, Socket, secure};
use crate::metrics::{Counters, Gauge, Metric};
use crate::places::Places;
use crate::postgres::{self, Pool, Tls};
use crate::presence::Presence;

/// How long signing in may take, from the first byte on.
const SIGN_IN: Duration = Duration::from_secs(15);
/// How long connecting to the database may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long Postgres may take to take note of a request to cancel.
const CANCEL: Duration = Duration::from_secs(5);
/// How long a refusal may take.
const REFUSAL: Duration = Duration::from_secs(1);
/// Connections besides the sessions that are let in: who signs in, and requests to cancel.
const SPARE: usize = 50;
/// Who signs in at the same time: each takes a connection to the database, and has not said who it is.
const SIGNING_IN: usize = 16;
/// Of these from one network address.
const FROM_ONE: usize = 4;
/// Pause after a connection could not be accepted: the process is out of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

static SESSIONS: Gauge = Gauge::new(
    "quire_sql_sessions",
    "Sessions on the database that people have through the SQL port.",
);
static REFUSED: Counters<3> = Counters::new(
    "quire_sql_refused_total",
    "Connections to the SQL port that were refused: it was full, too many came from one network \
     address, or nobody signed in.",
    "reason",
    ["full", "address", "sign_in"],
);
/// What the port counts.
pub static METRICS: &[&dyn Metric] = &[&SESSIONS, &REFUSED];

/// What the port is made of.
pub struct Parts {
    pub listener: TcpListener,
    /// TLS for clients, with the page's certificate.
    pub tls: Option<TlsAcceptor>,
    pub database_url: String,
    pub feed: feed::Handle,
    /// Knows the log that is followed, and the standbys that sessions lead to, where they do.
    pub pool: Pool,
    pub presence: Presence,
    /// Sessions at the same time at most.
    pub connections: usize,
    /// Networks that many people come through.
    pub trusted: Vec<IpNet>,
    /// How long a session that has something under way may go on when the server stops.
    pub grace: Duration,
}

/// What listens for clients of Postgres.
pub struct SqlPort {
    listener: TcpListener,
    threads: Threads,
    shared: Arc<Shared>,
}

struct Shared {
    tls: Option<TlsAcceptor>,
    config: Config,
    database_tls: Tls,
    /// The name of Quire's own database.
    database: String,
    feed: feed::Handle,
    pool: Pool,
    /// The server's own threads, which the pool's connections belong to.
    server: Handle,
    places: Places,
    /// Places of those who have signed in.
    sessions: Arc<Semaphore>,
    signing_in: Semaphore,
    signing_in_from_one: Shares,
    keys: Arc<Keys>,
    library: Arc<Library>,
    grace: Duration,
    draining: CancellationToken,
}

impl SqlPort {
    /// A port that takes nobody in yet. `draining`: the server stops.
    ///
    /// # Errors
    /// `Setting` when the database's address cannot be read, `Internal` when there are no more threads.
    pub fn new(parts: Parts, draining: CancellationToken) -> Result<Self> {
        let config = postgres::config(&parts.database_url)?;
        let database = config.get_dbname().or(config.get_user());
        let database = database.ok_or_else(|| {
            let context =
                "DATABASE_URL (--database-url) names no database, which --sql-listen needs";
            Error::new(Kind::Setting, context)
        })?;
        let from_one = parts.connections.div_ceil(2) + SPARE / 2;
        Ok(Self {
            listener: parts.listener,
            threads: Threads::start()?,
            shared: Arc::new(Shared {
                tls: parts.tls,
                database_tls: postgres::tls(&config)?,
                database: database.to_owned(),
                config,
                feed: parts.feed,
                places: Places::new(parts.connections + SPARE, from_one, parts.trusted),
                sessions: Arc::new(Semaphore::new(parts.connections)),
                signing_in: Semaphore::new(SIGNING_IN),
                signing_in_from_one: Shares::of(FROM_ONE),
                keys: Arc::default(),
                library: Arc::new(Library::new(parts.presence, parts.pool.lineage().clone())),
                pool: parts.pool,
                server: Handle::current(),
                grace: parts.grace,
                draining,
            }),
        })
    }

    /// Lets clients in until the server stops.
    pub async fn run(mut self, connections: TaskTracker) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.shared.draining.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            // It is watched by the thread that it is given to.
            let accepted = accepted.and_then(|(stream, from)| Ok((stream.into_std()?, from)));
            let (stream, from) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::error!(%error, "accept connection to the SQL port");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                    continue;
                }
            };
            let shared = self.shared.clone();
            let running = connections.token();
            match shared.places.enter(from.ip().to_canonical()) {
                Ok(place) => self.threads.serve(stream, move |stream| async move {
                    shared.serve(stream, from).await;
                    drop((place, running));
                }),
                Err(reason) => {
                    REFUSED.increment(reason);
                    self.threads.serve(stream, |stream| async {
                        refuse(Box::new(stream), full()).await;
                        drop(running);
                    });
                }
            }
        }
    }
}

/// A session whose client has signed in.
struct SignedIn {
    client: Peer,
    database: Peer,
    made: Instant,
    _place: OwnedSemaphorePermit,
}

impl Shared {
    async fn serve(&self, stream: TcpStream, from: SocketAddr) {
        let from = from.ip().to_canonical();
        if let Err(error) = prepare(&stream) {
            tracing::debug!(%error, "set options of a socket");
        }
        let beginning = timeout(SIGN_IN, self.begin(stream, from));
        let begun = tokio::select! {
            biased;
            () = self.draining.cancelled() => return,
            begun = beginning => begun,
        };
        let Some(session) = begun.unwrap_or_else(|_| {
            REFUSED.increment("sign_in");
            None
        }) else {
            return;
        };
        SESSIONS.add(1);
        let ends = Ends {
            lineage: self.pool.lineage().clone(),
            made: session.made,
            draining: self.draining.clone(),
            grace: self.grace,
        };
        let (keys, library) = (self.keys.clone(), self.library.clone());
        pass(session.client, session.database, keys, library, ends).await;
        SESSIONS.add(-1);
    }

    /// From the first byte until somebody has signed in; none when that is not what came of it.
    async fn begin(&self, stream: TcpStream, from: IpAddr) -> Option<SignedIn> {
        let opened = open(stream, self.tls.as_ref(), &self.database).await;
        let is_tls = opened.is_tls;
        let mut client = Peer::new(opened.socket?);
        let begun = match opened.opening {
            Ok(Opening::Session(startup)) => self.sign_in(&mut client, startup, is_tls, from).await,
            Ok(Opening::Cancel(key)) => {
                self.cancel(&key).await;
                return None;
            }
            Ok(Opening::Tls | Opening::Gss) => return None,
            Err(end) => Err(end),
        };
        match begun {
            Ok((database, made, place)) => Some(SignedIn {
                client,
                database,
                made,
                _place: place,
            }),
            Err(end) => {
                REFUSED.increment("sign_in");
                if let End::Refused(refusal) = end {
                    refuse(client.socket, refusal).await;
                }
                None
            }
        }
    }

    async fn sign_in(
        &self,
        client: &mut Peer,
        startup: Startup,
        client_is_tls: bool,
        from: IpAddr,
    ) -> Result<(Peer, Instant, OwnedSemaphorePermit), End> {
        if self.draining.is_cancelled() {
            return Err(stopping().into());
        }
        // Who does not sign in holds up nobody else: places are for those who have.
        let _from_one = match from.is_loopback() {
            true => None,
            false => Some(self.signing_in_from_one.take(network_id(from), 1).await),
        };
        let _signing_in = self.signing_in.acquire().await;
        let (made, Secured { socket, is_tls }) = self.connect_to_current().await?;
        let legs = Legs {
            client_is_tls,
            client_is_local: from.is_loopback(),
            database_is_tls: is_tls,
        };
        if (self.tls.is_some() || is_tls) && !legs.client_is_tls && !legs.client_is_local {
            return Err(unencrypted().into());
        }
        let mut database = Peer::new(socket);
        database.send(&startup.packet).await?;
        let place = || {
            let place = self.sessions.clone().try_acquire_owned();
            place.map_err(|_| full())
        };
        let place = sign_in(client, &mut database, legs, place).await?;
        Ok((database, made, place))
    }

    /// A socket to the database that is followed when it is there, and a moment before.
    async fn connect_to_current(&self) -> Result<(Instant, Secured), Refusal> {
        loop {
            let made = Instant::now();
            let secured = self.connect().await?;
            // Signing in is bounded.
            if self.pool.lineage().is_current(made) {
                return Ok((made, secured));
            }
        }
    }

    /// A socket to a standby where sessions lead there, else to the primary that the feed follows.
    async fn connect(&self) -> Result<Secured, Refusal> {
        let away = || Refusal::fatal("57P03", "the database of Quire cannot be reached just now");
        let pool = self.pool.clone();
        let asking = self.server.spawn(async move { pool.standby_place().await });
        let standby = asking.await.ok().and_then(Result::ok).flatten();
        let standby = standby.as_ref().and_then(Address::of);
        if let Some(address) = standby {
            match self.connect_to(&address).await {
                Ok(secured) => return Ok(secured),
                Err(error) => tracing::debug!(%error, "lead a session to a standby"),
            }
        }
        let address = self.feed.address().ok_or_else(away)?;
        self.connect_to(&address).await.map_err(|error| {
            tracing::warn!(%error, "connect to the database for the SQL port");
            away()
        })
    }

    /// Errors: `Unavailable` when nothing is there, or it takes too long.
    async fn connect_to(&self, address: &Address) -> Result<Secured> {
        let connecting = secure(address, &self.config, &self.database_tls);
        timeout(CONNECT, connecting).await.unwrap_or_else(|_| {
            let context = format!("connect to Postgres at {address}: it does not answer");
            Err(Error::new(Kind::Unavailable, context))
        })
    }

    /// Passes a request to cancel on to every host: the one that gave the key knows it. Nobody is told
    /// what came of it.
    async fn cancel(&self, key: &Bytes) {
        self.keys.cancel(key);
        let hosts = Address::resolve(&self.config).await.unwrap_or_default();
        join_all(hosts.iter().map(|host| self.cancel_at(host, key))).await;
    }

    async fn cancel_at(&self, host: &Address, key: &Bytes) {
        let Ok(Secured { mut socket, .. }) = self.connect_to(host).await else {
            return;
        };
        let mut packet = BytesMut::new();
        packet.put_u32(8 + key.len() as u32);
        packet.put_u32(startup::CANCEL);
        packet.extend_from_slice(key);
        let passing = async {
            socket.write_all(&packet).await?;
            socket.flush().await?;
            // Postgres closes when it has done it; the client waits for the same.
            socket.read(&mut [0]).await
        };
        let _ = timeout(CANCEL, passing).await;
    }
}

/// A message must not wait for another to fill a packet, and a client that is gone must be noticed.
fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    feed::keep_alive(stream)
}

async fn refuse(mut socket: Socket, refusal: Refusal) {
    let said = async {
        socket.write_all(&refusal.message()).await?;
        socket.shutdown().await
    };
    // Whoever does not listen is not waited for.
    let _ = timeout(REFUSAL, said).await;
}

fn full() -> Refusal {
    Refusal::fatal("53300", "sorry, too many clients already").hint(
        "The SQL port of Quire has --sql-connections sessions, half of them for one network address.",
    )
}

fn unencrypted() -> Refusal {
    Refusal::fatal(
        "28000",
        "the SQL port of Quire takes connections from elsewhere with TLS only",
    )
    .hint("Connect with sslmode=require; the server needs --tls-certificate.")
}
