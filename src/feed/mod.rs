//! The one way out: what was committed, in commit order, from the database's log over a replication
//! connection of our own. The feed says what was committed and what may have been missed; reading
//! tables and keeping documents is left to its consumer.

mod status;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use uuid::Uuid;

pub use self::status::{Server, State, Status};
use crate::change::{Lsn, Transaction};
use crate::error::Result;

/// How the feed connects and what it may hold.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Connection string or URL, as `tokio-postgres` reads it.
    pub database_url: String,
    /// The publication that it reads.
    pub publication: String,
    /// How the connection calls itself in `pg_stat_replication`.
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
    /// The defaults for the database at `database_url`. Fails with kind `Setting` if the URL
    /// cannot be read.
    pub fn new(database_url: &str) -> Result<Self> {
        let _ = database_url;
        todo!("follows in the next push")
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

/// The feed, held by its one consumer. Dropping it closes the connection at once.
#[derive(Debug)]
pub struct Feed {}

/// What others than the consumer may ask of the feed.
#[derive(Debug, Clone)]
pub struct Handle {}

impl Feed {
    /// Starts the feed's tasks on the current Tokio runtime.
    pub fn start(settings: Settings) -> (Self, Handle) {
        let _ = settings;
        todo!("follows in the next push")
    }

    /// The next step; waits for it. Cancel-safe: a step is either returned or stays. While it is
    /// not called, the feed reads only `ahead_bytes` further and the database keeps the rest.
    pub async fn next(&mut self) -> Step {
        std::future::pending().await
    }

    /// Says that everything up to `lsn` was applied: it may be confirmed to the database. Only
    /// grows; never counts beyond what `next` has returned, so calling it with `end_lsn` after
    /// each piece of a large transaction is right.
    pub fn applied(&self, lsn: Lsn) {
        let _ = lsn;
    }

    /// Ends the replication connection in order and waits, a few seconds at most, until the
    /// database has dropped the slot.
    pub async fn stop(self) {}
}

impl Handle {
    /// The streamed transactions with edits of this document that a reader of the tables may not
    /// see yet, in commit order.
    ///
    /// To open a document: first register it with the consumer so that its changes queue up, then
    /// call this, **then** read the tables, then apply what this returned, then the queue. Called
    /// after the read, it would miss what became visible between the two.
    pub fn recent(&self, org_id: Uuid, document_id: Uuid) -> Vec<Arc<Transaction>> {
        let _ = (org_id, document_id);
        Vec::new()
    }

    /// How the feed is doing. `changed` wakes for state, epoch and settled; the figures are
    /// always fresh in `borrow`.
    pub fn status(&self) -> watch::Receiver<Status> {
        todo!("follows in the next push")
    }

    /// Bytes held by the ring of transactions that are not surely visible yet.
    pub fn ring_bytes(&self) -> usize {
        0
    }
}
