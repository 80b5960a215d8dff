//! The pool of ordinary connections. Every wait is bounded: for a free connection, for the
//! network, for a lock, and the server's own wait for a client that was cut off.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, RecyclingMethod, Runtime, Timeouts,
};

use tokio_postgres::Config;

use super::failed;
use super::hosts::{self, Hosts};
use super::lineage::{Identity, Lineage};
use super::replicas::Replicas;
use super::tls::tls;
use crate::change::Lsn;
use crate::error::{Error, Kind, Result};
use crate::metrics::{Counter, Metric};

const FLUSHED_POSITION: &str = include_str!("../../sql/flushed_position.sql");

static FROM_STANDBYS: Counter = Counter::new(
    "quire_reads_from_standbys_total",
    "Documents and histories that were read from a standby which had everything committed until then.",
);

/// What the pool counts.
pub static METRICS: &[&dyn Metric] = &[&FROM_STANDBYS];

/// Connections to the primary, shared by all of one server. Clones share them.
#[derive(Clone)]
pub struct Pool {
    connections: deadpool_postgres::Pool,
    lineage: Lineage,
    /// Where readings may go as well.
    replicas: Option<Arc<Replicas>>,
}

/// A connection for one reading. It sees everything that was committed when it was asked for.
pub struct Reader {
    /// Leads to a standby, or to the primary.
    pub client: PoolClient,
    is_standby: bool,
}

/// A connection on loan; it goes back when dropped.
pub type PoolClient = deadpool_postgres::Client;

/// How long anybody waits for a free connection, and for a new one to be made.
const WAIT: Duration = Duration::from_secs(5);

/// Where there are several hosts, how often one connection is asked whether it may still write.
const LOOK: Duration = Duration::from_secs(1);

/// Session settings of every connection. A transaction that nobody drives any more (its server was
/// cut off) ends within 30 s, and so do its locks; nobody waits for a lock for more than 5 s.
const SESSION: &str = "-c lock_timeout=5s -c statement_timeout=30s \
    -c idle_in_transaction_session_timeout=30s \
    -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3";

/// The connection settings of `database_url`, with Quire's bounds added. Settings that the address
/// itself names are kept. Errors: [`Kind::Setting`] when it cannot be read.
pub fn config(database_url: &str) -> Result<Config> {
    let mut config: Config = database_url.parse().map_err(|e| {
        // The address may hold a password, so it is not repeated.
        Error::caused(
            Kind::Setting,
            "DATABASE_URL (--database-url) is not a Postgres address, such as postgres://user@host/database",
            e as tokio_postgres::Error,
        )
    })?;
    if config.get_hosts().is_empty() {
        return Err(Error::new(
            Kind::Setting,
            "DATABASE_URL (--database-url) names no host, such as postgres://user@host/database",
        ));
    }
    if config.get_application_name().is_none() {
        config.application_name("quire");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(WAIT);
    }
    config
        .keepalives(true)
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3)
        .tcp_user_timeout(Duration::from_secs(30));
    Ok(config)
}

/// A pool of at most `size` connections to `database_url`. Nothing is connected yet.
/// Errors: [`Kind::Setting`] when the address cannot be read.
pub fn pool(database_url: &str, size: usize) -> Result<Pool> {
    let mut config = config(database_url)?;
    // What the address says comes last, and so wins.
    let options = match config.get_options() {
        Some(own) => format!("{SESSION} {own}"),
        None => SESSION.to_owned(),
    };
    config.options(options);
    let tls = tls(&config)?;
    let has_several = hosts::count(&config) > 1;
    let recycling = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let lineage = Lineage::default();
    let hosts = Hosts {
        tls,
        lineage: lineage.clone(),
    };
    let connections =
        deadpool_postgres::Pool::builder(Manager::from_connect(config, hosts, recycling))
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: Some(WAIT),
                create: Some(2 * WAIT),
                recycle: Some(WAIT),
            })
            .post_create(new_is_followed(lineage.clone()))
            .pre_recycle(old_is_followed(lineage.clone(), has_several))
            .build()
            .map_err(|e| Error::caused(Kind::Internal, "build the connection pool", e))?;
    Ok(Pool {
        connections,
        lineage,
        replicas: None,
    })
}

impl Pool {
    /// The same, with readings on the standbys among the hosts of `database_url`, of at most `size`
    /// connections to each. Errors: [`Kind::Setting`] when the address cannot be read.
    pub fn reading_from_standbys(mut self, database_url: &str, size: usize) -> Result<Self> {
        let config = config(database_url)?;
        let tls = tls(&config)?;
        self.replicas = Some(Arc::new(Replicas::new(config, tls, size)));
        Ok(self)
    }

    /// The same, with readings on the primary alone.
    pub fn reading_from_primary(mut self) -> Self {
        self.replicas = None;
        self
    }

    /// A connection for a reading that must see everything committed by now: a standby's that has
    /// replayed that, else the primary's.
    ///
    /// # Errors
    /// As connecting to the primary fails.
    pub async fn reader(&self) -> Result<Reader> {
        if let Some(client) = self.standby().await? {
            FROM_STANDBYS.increment();
            return Ok(Reader {
                client,
                is_standby: true,
            });
        }
        let client = self.connections.get().await;
        Ok(Reader {
            client: client.map_err(failed("connect to the database"))?,
            is_standby: false,
        })
    }

    async fn standby(&self) -> Result<Option<PoolClient>> {
        let (Some(replicas), Some(server)) = (&self.replicas, self.lineage.server()) else {
            return Ok(None);
        };
        Ok(replicas.at(self.flushed().await?, server).await)
    }

    /// Where a standby is that has everything committed by now; none: there is none, or readings do not
    /// go to standbys.
    ///
    /// # Errors
    /// As asking the primary fails.
    pub async fn standby_place(&self) -> Result<Option<Config>> {
        let (Some(replicas), Some(server)) = (&self.replicas, self.lineage.server()) else {
            return Ok(None);
        };
        Ok(replicas.place_at(self.flushed().await?, server).await)
    }

    /// How far the primary's log is durable.
    async fn flushed(&self) -> Result<Lsn> {
        let doing = "ask how far the log has come";
        let client = self.connections.get().await.map_err(failed(doing))?;
        let statement = client.prepare_cached(FLUSHED_POSITION).await;
        let row = client
            .query_one(&statement.map_err(failed(doing))?, &[])
            .await;
        let flushed: i64 = row.map_err(failed(doing))?.get("flushed");
        Ok(Lsn(flushed as u64))
    }

    /// The log that its connections lead to.
    pub fn lineage(&self) -> &Lineage {
        &self.lineage
    }
}

impl Reader {
    /// Whether it leads to a standby.
    pub fn is_standby(&self) -> bool {
        self.is_standby
    }

    /// Whether the primary should be asked after this failure: a standby ends readings for the sake of
    /// its replay, and may go.
    pub fn is_to_blame(&self, error: &Error) -> bool {
        let is_its_own = matches!(error.kind(), Kind::Unavailable | Kind::Internal);
        if self.is_standby && is_its_own {
            tracing::debug!(%error, "read from a standby");
        }
        self.is_standby && is_its_own
    }
}

impl Deref for Pool {
    type Target = deadpool_postgres::Pool;

    fn deref(&self) -> &Self::Target {
        &self.connections
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.connections.fmt(f)
    }
}

/// Refuses a new connection that leads to another log than the feed's. Before the feed has followed
/// one, anything will do.
fn new_is_followed(lineage: Lineage) -> Hook {
    Hook::async_fn(move |client: &mut ClientWrapper, _| {
        let lineage = lineage.clone();
        Box::pin(async move {
            if lineage.server().is_none() {
                return Ok(());
            }
            let asked = lineage.ask(client).await;
            let admitted = asked.and_then(|(_, admitted)| admitted);
            admitted.map_err(|error| HookError::message(error.to_string()))
        })
    })
}

/// Drops what led to the log before, and, where there are other hosts, what may no longer write.
fn old_is_followed(lineage: Lineage, has_several: bool) -> Hook {
    let looked = Arc::new(Mutex::new(Instant::now()));
    Hook::async_fn(move |client: &mut ClientWrapper, metrics| {
        let (lineage, looked) = (lineage.clone(), looked.clone());
        let made = metrics.created;
        Box::pin(async move {
            if !lineage.is_current(made) {
                return Err(HookError::message("the connection led to another log"));
            }
            if !has_several || !is_due(&looked) {
                return Ok(());
            }
            let identity = Identity::ask(client).await;
            if identity.is_ok_and(|identity| !identity.is_read_only) {
                return Ok(());
            }
            lineage.renew();
            Err(HookError::message("the database lets nobody write"))
        })
    })
}

fn is_due(looked: &Mutex<Instant>) -> bool {
    let mut looked = looked.lock().unwrap_or_else(PoisonError::into_inner);
    let is_due = looked.elapsed() >= LOOK;
    if is_due {
        *looked = Instant::now();
    }
    is_due
}
