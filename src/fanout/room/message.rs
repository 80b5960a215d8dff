//! What happens to a room, in the order in which it is told.

use std::sync::Arc;

use bytes::Bytes;
use loro::VersionVector;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::change::Transaction;
use crate::commit::lease::Lease;
use crate::document::load::{Position, TailEdit};
use crate::error::Result;
use crate::fanout::compare::Question;
use crate::fanout::outbox::Outbox;
use crate::fanout::readers::{Leases, ReaderId};
use crate::protocol::Permission;
use crate::traces::Place;

/// Messages that wait for a room; then the feed waits.
pub(in crate::fanout) const WAITING: usize = 1_024;

/// Somebody wants in.
pub struct Join {
    pub reader: ReaderId,
    pub account_id: Uuid,
    pub outbox: Outbox,
    pub permission: Permission,
    /// Whether its session only reads, whatever its account may.
    pub only_reads: bool,
    /// What the reader has.
    pub version: VersionVector,
    pub leases: Leases,
    /// A lease taken for this join: the answer must include everything that its peer wrote.
    pub lease: Option<Lease>,
    /// Told to the reader in `JoinResponseOk.extra`.
    pub extra: Bytes,
    pub reply: oneshot::Sender<Result<()>>,
}

/// What happens to a room.
pub(in crate::fanout) enum Message {
    /// A transaction with edits of this document, at these places.
    Changes {
        transaction: Arc<Transaction>,
        places: Box<[u32]>,
        /// Where its delivery is in a trace.
        place: Option<Place>,
    },
    /// Something may have been committed that the feed does not bring: read the tables.
    ReadAgain,
    /// The tables may have lost what this copy holds: build it anew, and have readers join again.
    Rebuild,
    Join(Join),
    Leave(ReaderId),
    /// A reader that was behind has written everything that it had.
    CatchUp(ReaderId),
    /// Give the trial its staging copy, and say of which era of the log it is.
    Stage {
        reply: oneshot::Sender<Result<u64>>,
    },
    /// The tail was read for a fold: with these rows the copy holds all that the position sees. Nothing:
    /// it could not be read.
    Fold(Option<(Vec<TailEdit>, Position)>),
    /// Which version is held at a position of the log?
    Compare(Question),
    /// Another server holds something else: build it anew from the edits alone.
    RebuildFromEdits,
    /// The rights of this account, or of everybody, changed: its readers must join again.
    Authority(Option<Uuid>),
    /// Changes of rights may have been missed: ask the database.
    Recheck,
    /// The document went to the bin.
    Deleted,
    /// Its organisation is served elsewhere; readers are told where.
    Moved(Arc<str>),
}
