//! A running server: everything above, started in order and stopped in order. The loop that applies
//! the log is here.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::change::{Change, EventKind, Transaction};
use crate::commit::{Commit, Committers};
use crate::config::Serve;
use crate::document::trial::{self, Trial};
use crate::error::{Error, Kind, Result};
use crate::fanout::Fanout;
use crate::feed::{self, Feed, State, Step};
use crate::http::{self, Context, Readiness};
use crate::mail::Mailer;
use crate::metrics;
use crate::postgres;
use crate::presence::Presence;
use crate::upkeep;
use crate::websocket;

/// How often silent servers are forgotten, idle documents unloaded and readiness looked at.
const TEND_EVERY: Duration = Duration::from_secs(1);
/// A document that nobody uses is unloaded after this time, whatever the budget says.
const IDLE_DOCUMENT: Duration = Duration::from_secs(300);
/// A server whose feed was silent for so long is not sent new readers.
const FEED_LAG: Duration = Duration::from_secs(10);
/// How long a server goes on when it can learn of no revocation, neither from the log nor from the
/// tables.
const UNSURE: Duration = Duration::from_secs(10);
/// Pause after a connection could not be accepted: the process is out of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// One running server.
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    drain: Duration,
    websockets: Arc<websocket::State>,
    fanout: Fanout,
    committers: Committers,
    connections: TaskTracker,
    /// Presence, accepting, applying the log, tending, upkeep, mail; presence first, it says goodbye.
    tasks: [JoinHandle<()>; 6],
    trial: Trial,
}

impl Server {
    /// Starts a server. `program` is Quire's own binary, which tries updates in a child process.
    ///
    /// # Errors
    /// `Setting` when something must be mended first, `Unavailable` when the database is away.
    pub async fn start(settings: &Serve, program: PathBuf) -> Result<Self> {
        settings.validate()?;
        let mailer = Mailer::new(settings.smtp_url.as_deref(), settings.mail_from.as_deref())?;
        let pool = postgres::pool(
            &settings.database_url,
            usize::from(settings.database_connections),
        )?;
        postgres::check_safe(&pool).await?;
        postgres::check_migrated(&pool).await?;
        let listener = TcpListener::bind(settings.listen).await.map_err(|e| {
            let context = format!("listen on {} (--listen, QUIRE_LISTEN)", settings.listen);
            Error::caused(Kind::Setting, context, e)
        })?;
        let address = listener
            .local_addr()
            .map_err(|e| Error::caused(Kind::Internal, "read the address listened on", e))?;
        let mut public_urls = settings.public_url.clone();
        if public_urls.is_empty() {
            public_urls.push(format!("http://{address}"));
        }

        metrics::register(feed::METRICS);
        let trial = Trial::start(program, trial::Settings::default())?;
        let (feed, feed_handle) = Feed::start(feed::Settings::new(&settings.database_url)?);
        let (commit, committers) = Commit::start(pool.clone(), settings.committers);
        let fanout = Fanout::new(pool.clone(), commit, trial.clone(), feed_handle.clone());
        let presence = Presence::new(pool.clone(), Uuid::new_v4(), public_urls[0].clone());
        let websockets = Arc::new(websocket::State::new(
            pool.clone(),
            fanout.clone(),
            presence.clone(),
            websocket::Limits {
                connections: settings.connections as usize,
                outbox_bytes: settings.outbox_bytes,
                commit_bytes: settings.commit_bytes,
            },
        ));
        let stop = CancellationToken::new();
        let (resets, asked) = mpsc::channel(http::RESETS);
        let stopped = stop.clone().cancelled_owned();
        let mail = http::send_resets(pool.clone(), mailer, asked, stopped);
        let upkeep = upkeep::run(pool.clone(), websockets.clone(), stop.clone());
        let (servers, servers_told) = watch::channel(presence.servers());
        let (readiness, readiness_told) =
            watch::channel(Readiness::NotReady("the feed is starting".into()));
        let context = Arc::new(Context {
            pool,
            public_urls,
            servers: servers_told,
            readiness: readiness_told,
            on_upgrade: {
                let websockets = websockets.clone();
                Arc::new(move |io, session| {
                    Box::pin(websocket::serve(io, session, websockets.clone()))
                })
            },
            resets,
            open_sign_up: settings.open_sign_up,
            timeouts: http::Timeouts::default(),
        });
        let connections = TaskTracker::new();
        let applier = Applier {
            fanout: fanout.clone(),
            presence: presence.clone(),
            websockets: websockets.clone(),
            handle: feed_handle.clone(),
        };
        let tender = Tender {
            fanout: fanout.clone(),
            presence: presence.clone(),
            websockets: websockets.clone(),
            unsure_since: Instant::now(),
            feed: feed_handle,
            document_bytes: settings.document_bytes,
            servers,
            readiness,
        };
        let tasks = [
            tokio::spawn(presence.run(stop.clone().cancelled_owned())),
            tokio::spawn(accept(listener, context, connections.clone(), stop.clone())),
            tokio::spawn(applier.run(feed, stop.clone())),
            tokio::spawn(tender.run(stop.clone())),
            tokio::spawn(upkeep),
            tokio::spawn(mail),
        ];
        Ok(Self {
            address,
            stop,
            drain: settings.drain,
            websockets,
            fanout,
            committers,
            connections,
            tasks,
            trial,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sees everybody off, finishes what is under way and stops.
    pub async fn stop(self) {
        self.websockets.drain(self.drain);
        self.stop.cancel();
        self.connections.close();
        if tokio::time::timeout(self.drain + TEND_EVERY, self.connections.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                connections = self.websockets.count(),
                "connections did not end in time; they are cut off"
            );
        }
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the server failed");
            }
        }
        drop(self.websockets);
        let finish = async {
            self.fanout.finish().await;
            self.committers.finish().await;
        };
        // Without its database nothing can be finished; unanswered edits are safe at their clients.
        if tokio::time::timeout(self.drain, finish).await.is_err() {
            tracing::warn!("what was under way did not end in time; it is given up unanswered");
        }
        drop(self.trial);
    }
}

/// Serves until `stop` completes, and prints where: `listening on http://…`.
///
/// # Errors
/// As [`Server::start`].
pub async fn run(settings: &Serve, program: PathBuf, stop: impl Future<Output = ()>) -> Result<()> {
    let server = Server::start(settings, program).await?;
    println!("listening on http://{}", server.address());
    stop.await;
    server.stop().await;
    Ok(())
}

async fn accept(
    listener: TcpListener,
    context: Arc<Context>,
    connections: TaskTracker,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                // An edit is small and must not wait for another to fill a packet.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "set TCP_NODELAY");
                }
                let stop = stop.clone().cancelled_owned();
                let address = from.ip().to_canonical();
                let served = http::serve_connection(stream, address, context.clone(), stop);
                connections.spawn(served);
            }
            Err(error) => {
                tracing::error!(%error, "accept connection");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// Applies the log, in its order.
struct Applier {
    fanout: Fanout,
    presence: Presence,
    websockets: Arc<websocket::State>,
    handle: feed::Handle,
}

impl Applier {
    async fn run(self, mut feed: Feed, stop: CancellationToken) {
        loop {
            let step = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                step = feed.next() => step,
            };
            match step {
                Step::Transaction(transaction) => {
                    self.apply(&transaction).await;
                    feed.applied(transaction.end_lsn);
                }
                Step::Connected { log_changed, .. } => {
                    let server = self.handle.status().borrow().server;
                    let identifier = server.map_or(0, |server| server.system_identifier);
                    self.fanout.connected(identifier, log_changed).await;
                    recheck(&self.websockets, &self.fanout, &self.presence).await;
                }
                Step::Settled { .. } => {
                    self.fanout.settled().await;
                    recheck(&self.websockets, &self.fanout, &self.presence).await;
                }
                Step::Lost { reason } => {
                    tracing::warn!(
                        reason,
                        "the feed was lost; edits are committed meanwhile and shown later"
                    );
                }
            }
        }
        feed.stop().await;
    }

    async fn apply(&self, transaction: &Arc<Transaction>) {
        self.fanout.deliver(transaction).await;
        for change in &transaction.changes {
            match change {
                Change::Message(bytes) => self.presence.receive(bytes),
                Change::Event(event) => {
                    if let (EventKind::SessionEnded, Some(session_id)) =
                        (event.kind, event.session_id)
                    {
                        self.websockets.session_ended(session_id);
                    }
                    self.presence.event(event);
                }
                Change::Edit(_) => {}
            }
        }
    }
}

/// What has to be looked at now and then.
struct Tender {
    fanout: Fanout,
    presence: Presence,
    websockets: Arc<websocket::State>,
    /// Since when neither the feed nor the tables have said who may still do what.
    unsure_since: Instant,
    feed: feed::Handle,
    document_bytes: usize,
    servers: watch::Sender<Vec<String>>,
    readiness: watch::Sender<Readiness>,
}

impl Tender {
    async fn run(mut self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(TEND_EVERY);
        let mut status = self.feed.status();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = tick.tick() => {
                    self.tend();
                    let feed = status.borrow().clone();
                    self.keep_rights_true(&feed).await;
                }
                // A feed that cannot change any more is one that has stopped.
                changed = status.changed() => if changed.is_err() { break },
            }
            let readiness = readiness(&status.borrow_and_update());
            self.readiness.send_if_modified(|told| {
                let is_news = *told != readiness;
                *told = readiness;
                is_news
            });
        }
        self.readiness
            .send_replace(Readiness::NotReady("the server is stopping".into()));
    }

    /// Revocations come with the feed. While there is none they are looked up in the tables; when
    /// these cannot be read either, this server stops serving rather than serve on old rights.
    async fn keep_rights_true(&mut self, feed: &feed::Status) {
        let is_told =
            matches!(feed.state, State::Streaming) && feed.last_heard.elapsed() < FEED_LAG;
        let is_sure = is_told && !self.websockets.is_unsure();
        if is_sure || recheck(&self.websockets, &self.fanout, &self.presence).await {
            self.unsure_since = Instant::now();
        } else if self.unsure_since.elapsed() > UNSURE {
            self.websockets.blind();
        }
    }

    fn tend(&self) {
        self.presence.expire();
        if let Some(oldest) = Instant::now().checked_sub(IDLE_DOCUMENT) {
            self.fanout.unload(self.document_bytes, oldest);
        }
        let servers = self.presence.servers();
        self.servers.send_if_modified(|told| {
            let is_news = *told != servers;
            *told = servers;
            is_news
        });
    }
}

/// Asks the tables whose sessions have ended and whose rights are not what they were. Answers
/// whether they could be asked.
async fn recheck(websockets: &websocket::State, fanout: &Fanout, presence: &Presence) -> bool {
    let asked = async {
        in_time(websockets.recheck()).await?;
        // Before the listeners: whoever joins from here on finds that rights changed.
        fanout.recheck().await;
        in_time(presence.recheck()).await
    };
    match asked.await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, "look up who may still do what; trying again");
            false
        }
    }
}

async fn in_time(asked: impl Future<Output = Result<()>>) -> Result<()> {
    let late = || Error::new(Kind::Unavailable, "the database does not answer in time");
    tokio::time::timeout(TEND_EVERY, asked)
        .await
        .unwrap_or_else(|_| Err(late()))
}

fn readiness(status: &feed::Status) -> Readiness {
    let not_ready = |why: String| Readiness::NotReady(why);
    match &status.state {
        State::Streaming if status.last_heard.elapsed() < FEED_LAG => Readiness::Ready,
        State::Streaming => not_ready(format!(
            "the feed has heard nothing for {} s",
            status.last_heard.elapsed().as_secs()
        )),
        State::Starting => not_ready("the feed is starting".into()),
        State::WaitingForSlot { .. } => {
            not_ready("the feed waits for open transactions to end".into())
        }
        State::Lost { reason, .. } => not_ready(format!("the feed is lost: {reason}")),
    }
}
