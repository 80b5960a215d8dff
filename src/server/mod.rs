//! A running server: everything above, started in order and stopped in order.

mod accept;
mod apply;
mod tend;
mod tls;
mod vitals;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use self::accept::Door;
use self::apply::Applier;
use self::tend::{TEND_EVERY, Tender};
use self::tls::Certificate;
use crate::activity::Activity;
use crate::commit::{Commit, Committers};
use crate::config::Serve;
use crate::convergence::Convergence;
use crate::directory::Directory;
use crate::document::history::Histories;
use crate::document::trial::{self, Trial};
use crate::error::{Error, Kind, Result};
use crate::fanout::Fanout;
use crate::feed::{self, Feed};
use crate::http::{self, Context, Pages, Readiness};
use crate::mail::Mailer;
use crate::metrics;
use crate::oidc::Provider;
use crate::overview::{Hearing, Overview};
use crate::postgres;
use crate::presence::Presence;
use crate::purge::Purges;
use crate::retention;
use crate::sqlport::{self, SqlPort};
use crate::text::Texts;
use crate::traces;
use crate::upkeep;
use crate::websocket;

/// Sessions of the SQL port that may ask at the same time which standby they are led to.
const STANDBY_QUESTIONS: usize = 2;
/// How long the server's own tasks may take to end; the feed's farewell takes 5 s at most.
const TASKS_END: Duration = Duration::from_secs(7);

/// One running server.
pub struct Server {
    address: SocketAddr,
    /// Where it listens for clients of Postgres.
    sql_address: Option<SocketAddr>,
    /// Clients are seen off; everything else goes on.
    draining: CancellationToken,
    stop: CancellationToken,
    drain: Duration,
    websockets: Arc<websocket::State>,
    fanout: Fanout,
    committers: Committers,
    connections: TaskTracker,
    /// Presence, accepting, applying the log, comparing, tending, upkeep, texts, purges, retention, mail and the SQL port;
    /// presence first, it says goodbye.
    tasks: Vec<JoinHandle<()>>,
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
        let oidc = Provider::new(&settings.oidc)?;
        let certificate = match (&settings.tls_certificate, &settings.tls_key) {
            (Some(chain), Some(key)) => Some(Arc::new(Certificate::read(chain, key)?)),
            _ => None,
        };
        let connections = usize::from(settings.database_connections);
        let mut pool = postgres::pool(&settings.database_url, connections)?;
        if settings.read_from_standbys {
            pool = pool.reading_from_standbys(&settings.database_url, connections)?;
        }
        postgres::check_safe(&pool).await?;
        postgres::check_migrated(&pool).await?;
        let (listener, address) = listen(settings.listen, "--listen, QUIRE_LISTEN").await?;
        let sql_listener = match settings.sql_listen {
            Some(at) => Some(listen(at, "--sql-listen, QUIRE_SQL_LISTEN").await?),
            None => None,
        };
        let sql_address = sql_listener.as_ref().map(|(_, address)| *address);
        let mut public_urls = settings.public_url.clone();
        if public_urls.is_empty() {
            public_urls.push(format!("{}://{address}", scheme(settings)));
        }

        metrics::register(crate::log::METRICS);
        metrics::register(postgres::METRICS);
        metrics::register(traces::METRICS);
        metrics::register(feed::METRICS);
        metrics::register(trial::METRICS);
        let trying = trial::Settings {
            document_bytes: settings.document_max_bytes,
            ..trial::Settings::default()
        };
        let trial = Trial::start(program, trying)?;
        let mut feed_settings = feed::Settings::new(&settings.database_url)?;
        feed_settings.lineage = pool.lineage().clone();
        feed_settings.source = settings.feed_from;
        let (feed, feed_handle) = Feed::start(feed_settings);
        let (commit, committers) = Commit::start(pool.clone(), settings.committers);
        let fanout = Fanout::new(
            pool.clone(),
            commit,
            trial.clone(),
            feed_handle.clone(),
            settings.commit_bytes,
        );
        let (server_id, name) = (Uuid::new_v4(), public_urls[0].clone());
        let presence = Presence::new(pool.clone(), server_id, name.clone());
        let (convergence, to_write) =
            Convergence::new(pool.clone(), fanout.clone(), server_id, name);
        let directory = Directory::default();
        // Before anybody is answered; what changes from here on the log tells.
        directory.read(&pool).await?;
        let websockets = Arc::new(websocket::State::new(
            pool.clone(),
            fanout.clone(),
            presence.clone(),
            directory.clone(),
            websocket::Limits {
                connections: settings.connections as usize,
                outbox_bytes: settings.outbox_bytes,
            },
        ));
        let stop = CancellationToken::new();
        let draining = CancellationToken::new();
        metrics::register(tend::METRICS);
        metrics::register(sqlport::METRICS);
        let (resets, asked) = mpsc::channel(http::RESETS);
        let stopped = stop.clone().cancelled_owned();
        let mail = http::send_resets(pool.clone(), mailer, asked, stopped);
        let upkeep = upkeep::run(pool.clone(), websockets.clone(), stop.clone());
        let (servers, servers_told) = watch::channel(presence.servers());
        let texts = Texts::new(pool.clone(), servers_told.clone());
        let purges = Purges::new(
            pool.clone(),
            servers_told.clone(),
            &settings.purge,
            &public_urls,
        )?;
        let retention = retention::run(pool.clone(), servers_told.clone(), stop.clone());
        let (readiness, readiness_told) =
            watch::channel(Readiness::NotReady("the feed is starting".into()));
        let activity = Activity::default();
        let standings = {
            let presence = presence.clone();
            Box::new(move || Hearing {
                servers: presence.standings(),
                deaf: None,
            })
        };
        let overview = Overview::new(&settings.database_url, activity.clone(), standings)?;
        let overview = Arc::new(overview);
        let sql_feed = feed_handle.clone();
        let sql_pool = match settings.sql_from_standbys {
            true => pool
                .clone()
                .reading_from_standbys(&settings.database_url, STANDBY_QUESTIONS)?,
            false => pool.clone().reading_from_primary(),
        };
        let applier = Applier {
            pool: pool.clone(),
            directory: directory.clone(),
            fanout: fanout.clone(),
            convergence: convergence.clone(),
            presence: presence.clone(),
            texts: texts.clone(),
            purges: purges.clone(),
            activity: activity.clone(),
            websockets: websockets.clone(),
            handle: feed_handle.clone(),
        };
        let context = Arc::new(Context {
            pool,
            directory,
            public_urls,
            servers: servers_told,
            readiness: readiness_told,
            overview: overview.clone(),
            on_upgrade: {
                let websockets = websockets.clone();
                Arc::new(move |io, session| {
                    Box::pin(websocket::serve(io, session, websockets.clone()))
                })
            },
            histories: Histories::default(),
            pages: Pages::default(),
            purges: purges.has_caches(),
            on_edit: {
                let fanout = fanout.clone();
                Arc::new(move |key, session, lease, update| {
                    let fanout = fanout.clone();
                    Box::pin(
                        async move { fanout.submit(key, Arc::new(session), lease, update).await },
                    )
                })
            },
            resets,
            trusted_proxies: settings.trusted_proxy.clone(),
            open_sign_up: settings.open_sign_up,
            oidc,
            timeouts: http::Timeouts::default(),
        });
        let connections = TaskTracker::new();
        let tender = Tender {
            fanout: fanout.clone(),
            presence: presence.clone(),
            websockets: websockets.clone(),
            activity,
            overview,
            started_at: SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            unsure_since: Instant::now(),
            deaf_since: None,
            draining: draining.clone(),
            feed: feed_handle,
            document_bytes: settings.document_bytes,
            servers,
            readiness,
            certificate: certificate.clone(),
        };
        let speaks = |protocol: &[u8]| {
            let certificate = certificate.clone();
            certificate.map(|certificate| tls::acceptor(certificate, protocol))
        };
        let sql_port = match sql_listener {
            Some((listener, _)) => {
                let parts = sqlport::Parts {
                    listener,
                    tls: speaks(b"postgresql").transpose()?,
                    database_url: settings.database_url.clone(),
                    feed: sql_feed,
                    pool: sql_pool,
                    presence: presence.clone(),
                    connections: usize::from(settings.sql_connections),
                    trusted: settings.trusted_proxy.clone(),
                    grace: settings.drain / 2,
                };
                let port = SqlPort::new(parts, draining.clone())?;
                Some(tokio::spawn(port.run(connections.clone())))
            }
            None => None,
        };
        let door = Door::new(listener, speaks(b"http/1.1").transpose()?, settings);
        let mut tasks = vec![
            tokio::spawn(presence.run(stop.clone().cancelled_owned())),
            tokio::spawn(door.run(context, connections.clone(), stop.clone())),
            tokio::spawn(applier.run(feed, stop.clone())),
            tokio::spawn(convergence.run(to_write, stop.clone().cancelled_owned())),
            tokio::spawn(tender.run(stop.clone())),
            tokio::spawn(upkeep),
            tokio::spawn(texts.run(stop.clone())),
            tokio::spawn(purges.run(stop.clone())),
            tokio::spawn(retention),
            tokio::spawn(mail),
        ];
        tasks.extend(sql_port);
        Ok(Self {
            address,
            sql_address,
            draining,
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

    /// Where it listens for clients of Postgres, if it does.
    pub fn sql_address(&self) -> Option<SocketAddr> {
        self.sql_address
    }

    /// Sees everybody off, finishes what is under way and stops.
    pub async fn stop(self) {
        self.draining.cancel();
        self.websockets.drain(self.drain / 2).await;
        self.stop.cancel();
        self.connections.close();
        if tokio::time::timeout(self.drain / 2 + TEND_EVERY, self.connections.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                connections = self.websockets.count(),
                "connections did not end in time; they are cut off"
            );
        }
        let ends = Instant::now() + TASKS_END;
        for mut task in self.tasks {
            match tokio::time::timeout_at(ends.into(), &mut task).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "a task of the server failed"),
                Err(_) => {
                    // One that waits for a database which does not answer.
                    tracing::warn!("a task of the server did not end in time; it is cut off");
                    task.abort();
                }
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
    let collector = settings.traces.collector(|name| std::env::var(name).ok())?;
    let server = Server::start(settings, program).await?;
    let instance = settings.public_url.first().cloned();
    let instance =
        || instance.unwrap_or_else(|| format!("{}://{}", scheme(settings), server.address()));
    let traces = collector.map(|collector| traces::start(collector, instance()));
    let traces = traces.transpose()?;
    if let Some(address) = server.sql_address() {
        println!("SQL on {address}");
    }
    println!("listening on {}://{}", scheme(settings), server.address());
    stop.await;
    server.stop().await;
    if let Some(traces) = traces {
        traces.finish().await;
    }
    Ok(())
}

/// Listens on an address, which `setting` names; port 0 takes a free one.
async fn listen(at: SocketAddr, setting: &str) -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(at).await.map_err(|e| {
        let context = format!("listen on {at} ({setting})");
        Error::caused(Kind::Setting, context, e)
    })?;
    let address = listener
        .local_addr()
        .map_err(|e| Error::caused(Kind::Internal, "read the address listened on", e))?;
    Ok((listener, address))
}

/// What browsers speak to this server itself.
fn scheme(settings: &Serve) -> &'static str {
    match settings.tls_certificate {
        Some(_) => "https",
        None => "http",
    }
}
