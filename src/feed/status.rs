//! How the feed is doing, for readiness, metrics and tests.

use std::time::Instant;

use crate::change::Lsn;
use crate::postgres::Server;

/// What the feed is doing now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Connecting for the first time, or again.
    Starting,
    /// The slot is being created; the database waits for transactions that are still open.
    WaitingForSlot { since: Instant },
    /// Transactions arrive.
    Streaming,
    /// Not connected; it tries again by itself. The reason says what to mend, where it can.
    Lost { since: Instant, reason: String },
}

/// How the feed is doing.
#[derive(Debug, Clone)]
pub struct Status {
    pub state: State,
    /// How many slots have streamed so far; the number of the present one.
    pub epoch: u64,
    /// Whether this epoch's `Step::Settled` was reached.
    pub settled: bool,
    /// The end of the newest transaction that was read, or of the silence after it.
    pub received: Lsn,
    /// What was confirmed to the database as applied.
    pub applied: Lsn,
    /// Log that the database had flushed and the feed had not read when it was last looked at, in
    /// bytes; other databases' and unpublished tables' log counts until the next keepalive.
    pub behind_bytes: u64,
    /// When the database last said anything.
    pub last_heard: Instant,
    /// When the publication was last seen to bring every table that is needed.
    pub published: Instant,
    /// The cluster and timeline; none before the first connection.
    pub server: Option<Server>,
    /// Who streams, or streamed last: `primary`, or the address of a standby; empty before.
    pub source: String,
}
