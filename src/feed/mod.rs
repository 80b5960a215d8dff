//! The one way out: what was committed, in commit order, from the database's log over a replication
//! connection of our own. The feed says what was committed and what may have been missed; reading
//! tables and keeping documents is left to its consumer.

mod address;
mod assembly;
mod backoff;
mod confirm;
mod connection;
pub mod message;
mod observer;
mod outlet;
pub mod pgoutput;
mod progress;
mod ring;
mod rows;
mod run;
mod session;
mod shared;
#[cfg(test)]
mod simulation;
mod slot;
pub(crate) mod snapshot;
mod standby;
mod status;
mod stream;
mod visibility;
pub(crate) mod wire;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

pub(crate) use self::address::{Address, Socket, keep_alive};
pub use self::assembly::{Assembly, Output};
pub(crate) use self::connection::{Secured, secure};
use self::outlet::{Waiting, outlet};
pub use self::shared::METRICS;
use self::shared::Shared;
pub use self::status::{State, Status};
use crate::change::{Lsn, Transaction};
use crate::config::FeedSource;
use crate::error::Result;
use crate::metrics;
pub use crate::postgres::Server;
use crate::postgres::{self, Lineage, Tls};

/// How long [`Feed::stop`] waits for an orderly end.
const STOP: Duration = Duration::from_secs(5);

/// How the feed connects and what it may hold.
#[derive(Clone)]
pub struct Settings {
    config: tokio_postgres::Config,
    tls: Tls,
    /// Told which log is followed; [`postgres::Pool::lineage`] where a pool is to follow it.
    pub lineage: Lineage,
    /// Who streams: the primary, or a standby while one is fit for it.
    pub source: FeedSource,
    /// How far a standby that streams may be behind the primary, in time, before another source is taken.
    pub standby_lag: Duration,
    /// For how long a standby that failed is left alone, and the primary streams before a standby is
    /// looked for again.
    pub standby_rest: Duration,
    /// The publication that it reads.
    pub publication: String,
    /// How its connections call themselves in `pg_stat_replication` and `pg_stat_activity`.
    pub application_name: String,
    /// How long one attempt to create the slot waits for open transactions before it starts again.
    pub slot_wait: Duration,
    /// After this long without a word from the database it is asked; after twice this long the
    /// connection counts as lost.
    pub silence: Duration,
    /// How often transactions are checked for being visible to every reader.
    pub visibility_interval: Duration,
    /// What the ring of streamed but not surely visible transactions may hold, in bytes; beyond
    /// it the feed stops reading.
    pub ring_bytes: usize,
    /// What may be read ahead of the consumer, in bytes.
    pub ahead_bytes: usize,
}

impl Settings {
    /// The defaults for the database at `database_url`, which `tokio-postgres` reads: a URL or
    /// `key=value`; of several hosts the primary, and of several primaries the one promoted last. Errors: kind `Setting` if it
    /// cannot be read.
    pub fn new(database_url: &str) -> Result<Self> {
        let config = postgres::config(database_url)?;
        let tls = postgres::tls(&config)?;
        Ok(Self {
            config,
            tls,
            lineage: Lineage::default(),
            source: FeedSource::Primary,
            standby_lag: Duration::from_secs(5),
            standby_rest: Duration::from_secs(30),
            publication: "quire_feed".to_owned(),
            application_name: "quire_feed".to_owned(),
            slot_wait: Duration::from_secs(5),
            silence: Duration::from_secs(15),
            visibility_interval: Duration::from_millis(200),
            ring_bytes: 256 << 20,
            ahead_bytes: 16 << 20,
        })
    }

    /// How long connecting to one address may take.
    fn connect_timeout(&self) -> Duration {
        let timeout = self.config.get_connect_timeout();
        timeout.copied().unwrap_or(Duration::from_secs(5))
    }
}

/// What the consumer does next.
#[derive(Debug, Clone)]
pub enum Step {
    /// Apply this. Positions only grow until a [`Step::Connected`] with `log_changed`.
    Transaction(Arc<Transaction>),
    /// A new slot streams from here on: what committed while none did was not and will not be
    /// streamed, so every open document is read again from the tables.
    Connected {
        epoch: u64,
        /// Another cluster or timeline than before (failover, restore): documents may hold edits
        /// that this database does not have, so they are rebuilt instead of topped up.
        log_changed: bool,
    },
    /// Every transaction that could have been committed but invisible when this epoch began is
    /// visible now: read once more what was read before this step.
    Settled { epoch: u64 },
    /// Nothing is streamed until the next [`Step::Connected`]. The feed reconnects by itself.
    Lost { reason: String },
}

/// The feed, held by its one consumer. Dropping it ends the connection, in the background.
#[derive(Debug)]
pub struct Feed {
    steps: mpsc::Receiver<Waiting>,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
    /// Of the newest `Step::Connected` that was returned.
    epoch: u64,
    /// The end of the newest transaction that was returned in this epoch.
    returned: Lsn,
    /// When the newest step was read from the log.
    read_at: Option<Instant>,
}

/// What others than the consumer may ask of the feed.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Feed {
    /// Starts the feed's tasks on the current Tokio runtime.
    pub fn start(settings: Settings) -> (Self, Handle) {
        metrics::register(METRICS);
        let shared = Arc::new(Shared::new());
        let (outlet, steps) = outlet(settings.ahead_bytes);
        let feed = Self {
            steps,
            shared: shared.clone(),
            task: tokio::spawn(run::run(settings, shared.clone(), outlet)),
            epoch: 0,
            returned: Lsn::default(),
            read_at: None,
        };
        (feed, Handle { shared })
    }

    /// The next step; waits for it. Cancel-safe: a step is either returned or stays. While it is
    /// not called, the feed reads only `ahead_bytes` further and the database keeps the rest.
    pub async fn next(&mut self) -> Step {
        let waiting = self.steps.recv().await;
        let waiting = waiting.expect("the feed's task lives as long as the feed");
        let step = waiting.step;
        self.read_at = waiting.read_at;
        match &step {
            Step::Connected { epoch, .. } => (self.epoch, self.returned) = (*epoch, Lsn::default()),
            Step::Transaction(transaction) => {
                self.returned = self.returned.max(transaction.end_lsn);
            }
            Step::Settled { .. } | Step::Lost { .. } => {}
        }
        step
    }

    /// When the step that was returned last was read from the log; noted while traces are on.
    pub fn read_at(&self) -> Option<Instant> {
        self.read_at
    }

    /// Says that everything up to `lsn` was applied: it may be confirmed to the database. Only
    /// grows; never counts beyond what `next` has returned since the last `Step::Connected`, so
    /// calling it with `end_lsn` after each piece of a large transaction is right.
    pub fn applied(&self, lsn: Lsn) {
        self.shared.apply(self.epoch, lsn.min(self.returned));
    }

    /// Ends the replication connection in order and waits, 5 seconds at most, until the database
    /// has dropped the slot. Not cancel-safe in that a cut-off stop goes on in the background.
    pub async fn stop(self) {
        let Self { steps, task, .. } = self;
        // This is what tells the task to end.
        drop(steps);
        let abort = task.abort_handle();
        if tokio::time::timeout(STOP, task).await.is_err() {
            abort.abort();
        }
    }
}

impl Handle {
    /// The streamed transactions with edits of this document that a reader of the tables may not
    /// see yet, in commit order. To open a document there is [`Self::reading`].
    pub fn recent(&self, org_id: Uuid, document_id: Uuid) -> Vec<Arc<Transaction>> {
        self.shared.ring().recent(org_id, document_id)
    }

    /// Reads a document from the tables, and says what that reading may have missed: transactions to
    /// be applied after it, in their order. First register the document with the consumer, so that
    /// what comes meanwhile queues up; it is applied last.
    ///
    /// # Errors
    /// Those of `read`.
    pub async fn reading<T>(
        &self,
        org_id: Uuid,
        document_id: Uuid,
        read: impl Future<Output = Result<T>>,
    ) -> Result<(T, Vec<Arc<Transaction>>)> {
        // Asked before the tables are read: what becomes visible in between is in both. Asked
        // after, it would be in neither.
        let recent = self.recent(org_id, document_id);
        Ok((read.await?, recent))
    }

    /// How the feed is doing. `changed` wakes for state, epoch and settled; the figures are
    /// fresh in `borrow`, positions to about a second.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }

    /// Where the database is that the feed follows, or followed last; none before it has streamed.
    pub(crate) fn address(&self) -> Option<Address> {
        self.shared.address()
    }

    /// Bytes held by the ring of transactions that are not surely visible yet.
    pub fn ring_bytes(&self) -> usize {
        self.shared.ring().bytes()
    }
}
