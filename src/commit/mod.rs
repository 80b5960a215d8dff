//! The one way in: edits that wait while a batch is being committed form the next batch.
//!
//! Each lane commits its batches one after the other, and a document always uses the same lane, so
//! its order is kept. In a lane organisations take turns. The answer to an edit leaves only after COMMIT returned.

mod batch;
mod lane;
pub mod lease;
mod put_back;
mod statements;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinSet;
use uuid::Uuid;

pub use self::put_back::{Lost, put_back};
use crate::error::{Error, Kind, Result};
use crate::fair::Shares;
use crate::postgres::Pool;
use crate::traces::Way;

/// Edits of one organisation that may wait; then whoever hands over more of its waits.
const ORGANISATION_EDITS: usize = 4_096;
/// Edits on their way to a lane, which takes them in before each batch; more than one organisation
/// can have.
const LANE_EDITS: usize = 2 * ORGANISATION_EDITS;

/// Edits that became rows on this server, since it started.
pub fn committed() -> u64 {
    lane::committed()
}

/// One update of one peer, passed by its trial, on its way to become a row.
#[derive(Debug, Clone)]
pub struct Edit {
    pub org_id: Uuid,
    pub document_id: Uuid,
    pub peer: u64,
    /// The session in whose name it is written.
    pub session_id: Uuid,
    /// The lease under which the session may use the peer.
    pub lease_id: Uuid,
    /// The era of the log whose document it passed its trial on, see [`Lineage::era`].
    ///
    /// [`Lineage::era`]: crate::postgres::Lineage::era
    pub era: u64,
    /// Loro counter of the first operation.
    pub counter_start: i32,
    /// Loro counter after the last operation.
    pub counter_end: i32,
    /// Characters inserted and deleted.
    pub inserted: i32,
    pub deleted: i32,
    pub update: Bytes,
    /// Told of its commit; while traces are on.
    pub way: Option<Arc<Way>>,
}

/// What became of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is a row, flushed to disk.
    Committed,
    /// It was a row before: sent twice, or the answer to the first time was lost.
    AlreadyThere,
    Refused(Refusal),
}

/// Why an edit did not become a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The session was ended or has run out.
    SignedOut,
    /// The account may not edit the document (any more).
    Forbidden,
    /// The document is in the bin, or was never there.
    DocumentDeleted,
    /// The peer belongs to somebody else.
    NotOwner,
    /// Another connection uses the peer now; join again.
    LeaseLost,
    /// It does not start where the peer's durable edits end.
    OutOfOrder {
        /// Where it would have to start.
        next_counter: i32,
    },
    /// Another transaction holds the peer's row; join again.
    Busy,
    /// The database cannot store it; its log says why.
    Unstorable,
    /// The log is another one than when it was tried: what it builds on may be gone. Join again.
    LogChanged,
}

struct Waiting {
    edit: Edit,
    answer: oneshot::Sender<Outcome>,
    /// Its place in its organisation's share.
    _share: OwnedSemaphorePermit,
}

/// A handle on the committers. Cheap to clone.
#[derive(Clone)]
pub struct Commit {
    lanes: Vec<mpsc::Sender<Waiting>>,
    shares: Arc<Shares>,
}

/// The running committers; dropping it ends them after the batch in flight.
pub struct Committers {
    tasks: JoinSet<()>,
}

impl Commit {
    /// Starts so many committers, each on a connection of `pool` that it keeps.
    pub fn start(pool: Pool, committers: u16) -> (Self, Committers) {
        crate::metrics::register(lane::METRICS);
        let mut tasks = JoinSet::new();
        let lanes = (0..committers)
            .map(|_| {
                let (sender, receiver) = mpsc::channel(LANE_EDITS);
                tasks.spawn(lane::run(pool.clone(), receiver));
                sender
            })
            .collect();
        let shares = Arc::new(Shares::of(ORGANISATION_EDITS));
        (Self { lanes, shares }, Committers { tasks })
    }

    /// Hands over an edit and returns at once; the receiver gets what became of it. Waits while too
    /// many edits of the same organisation do. Edits of one document handed over in an order are
    /// committed in that order.
    pub async fn submit(&self, edit: Edit) -> Result<oneshot::Receiver<Outcome>> {
        let mut hasher = DefaultHasher::new();
        edit.document_id.hash(&mut hasher);
        let lane = &self.lanes[hasher.finish() as usize % self.lanes.len()];
        let (answer, receiver) = oneshot::channel();
        let waiting = Waiting {
            _share: self.shares.take(edit.org_id, 1).await,
            edit,
            answer,
        };
        lane.send(waiting)
            .await
            .map_err(|_| Error::new(Kind::Unavailable, "the server is stopping"))?;
        Ok(receiver)
    }
}

impl Committers {
    /// Waits until every edit handed over was answered. All handles must have been dropped before.
    pub async fn finish(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}
