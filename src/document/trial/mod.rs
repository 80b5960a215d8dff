//! Every update passes a trial in a child process before it becomes a row: there a panic, an
//! allocation bomb or an endless loop refuses one update and harms nobody.

mod child;
mod columns;
pub(crate) mod copy;
pub(crate) mod decode;
mod driver;
mod elements;
mod lanes;
pub(crate) mod meaning;
pub(crate) mod operation;
mod process;
mod queue;
mod staging;
mod values;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::{Error, Kind, Result};
use crate::metrics::Metric;
use lanes::Lanes;
use queue::Command;

/// The subcommand of Quire's binary that runs the child.
pub const SUBCOMMAND: &str = "trial";
/// Tells the child its memory limit.
const MEMORY_VARIABLE: &str = "QUIRE_TRIAL_MEMORY_BYTES";
/// Tells the child how large a document may become.
const DOCUMENT_VARIABLE: &str = "QUIRE_TRIAL_DOCUMENT_BYTES";
/// Tells the child by how much others come before it (nice).
const NICE_VARIABLE: &str = "QUIRE_TRIAL_NICE";
/// Children in which an update has little time.
const QUICK: usize = 2;
/// A document of more bytes than this is tried in the slow child from the start.
const LARGE: usize = 4 << 20;
/// How much others come before the slow child.
const SLOW_NICE: i32 = 10;

/// One document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocKey {
    pub org_id: Uuid,
    pub document_id: Uuid,
}

impl DocKey {
    /// Comes before every document.
    pub const BEFORE_ALL: Self = Self {
        org_id: Uuid::nil(),
        document_id: Uuid::nil(),
    };

    /// Of a row with the columns `org_id` and `document_id`.
    pub fn of(row: &Row) -> Self {
        Self {
            org_id: row.get("org_id"),
            document_id: row.get("document_id"),
        }
    }
}

/// Limits of the child.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address space that the child may take beyond what it has at its start.
    pub memory_bytes: u64,
    /// How large a document may become, in bytes of its edits and its history.
    pub document_bytes: usize,
    /// Processor time that one update may take in a quick child; then it is tried in the slow one.
    pub budget: Duration,
    /// Processor time that one update may take at all.
    pub timeout: Duration,
    /// By how much other processes come before it.
    pub nice: i32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            memory_bytes: 1 << 30,
            document_bytes: 64 << 20,
            // Without optimisation all takes some ten times as long.
            budget: Duration::from_millis(if cfg!(debug_assertions) { 2_000 } else { 200 }),
            timeout: Duration::from_secs(5),
            nice: 0,
        }
    }
}

/// What the trial found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The update may become a row. It is in the staging copy now: if the commit refuses it,
    /// `forget` the document.
    Good(Good),
    /// All its operations are known already. `durable`: they came out of the feed, so that it may
    /// be acknowledged; else the same bytes are on their way already, and the peer's row decides.
    Known { durable: bool },
    /// It starts after the peer's end, or builds on operations of others that are not durable
    /// here. Mended by a rejoin.
    MissingDependencies,
    /// It must never become a row.
    Refused(Refusal),
    /// The child holds no staging copy (never had, evicted, forgotten, restarted): `seed` it and
    /// submit again. Everything of the document still in the pipe gets the same answer.
    NeedsDocument,
}

/// An update that passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Good {
    pub peer: u64,
    pub counter_start: i32,
    pub counter_end: i32,
    /// Characters that it inserts into texts.
    pub inserted: u32,
    /// Characters that it deletes from texts.
    pub deleted: u32,
}

/// Why an update must never become a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not an intact update of one peer, or not what Loro itself would write.
    Malformed,
    /// Starts inside the peer's known range and ends outside, or differs from what is on its way
    /// with the same range. Mended by a rejoin.
    Overlap,
    /// Loro refused or panicked, or its copies would differ.
    Harmful,
    /// The trial's process died of it (memory, stack).
    Killed,
    /// The trial took too long.
    TooSlow,
    /// More text, more bytes, or deeper nesting, than a document may have.
    TooLarge,
}

impl Refusal {
    const ALL: [Self; 6] = [
        Self::Malformed,
        Self::Overlap,
        Self::Harmful,
        Self::Killed,
        Self::TooSlow,
        Self::TooLarge,
    ];

    /// The code in logs and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Overlap => "overlap",
            Self::Harmful => "harmful",
            Self::Killed => "killed",
            Self::TooSlow => "too_slow",
            Self::TooLarge => "too_large",
        }
    }
}

/// What this module counts.
pub static METRICS: &[&dyn Metric] = lanes::METRICS;

/// A handle to the trial; clones share its children, which end with the last of them.
#[derive(Debug, Clone)]
pub struct Trial {
    owner: Arc<Owner>,
}

#[derive(Debug)]
struct Owner {
    lanes: Arc<Lanes>,
    drivers: Vec<AbortHandle>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        // Children are killed with their drivers.
        for driver in &self.drivers {
            driver.abort();
        }
    }
}

impl Trial {
    /// Starts the children: `exe` is Quire's own binary, re-executed as `quire trial`. Call it within
    /// a tokio runtime.
    ///
    /// # Errors
    /// `Internal` when a child cannot be started.
    pub fn start(exe: PathBuf, settings: Settings) -> Result<Self> {
        let lanes = Arc::new(Lanes::new(QUICK));
        let quick = lanes.quick().iter();
        let quick = quick.map(|queue| (queue.clone(), settings.clone(), Some(lanes.clone())));
        let slow = Settings {
            nice: SLOW_NICE,
            ..settings.clone()
        };
        let slow = (lanes.slow().clone(), slow, None);
        let mut owner = Owner {
            lanes: lanes.clone(),
            drivers: Vec::new(),
        };
        for (queue, settings, way_out) in quick.chain([slow]) {
            let child = process::Process::start(&exe, &settings)?;
            let driver = driver::Driver::new(exe.clone(), settings, queue, child, way_out);
            owner
                .drivers
                .push(tokio::spawn(driver.run()).abort_handle());
        }
        Ok(Self {
            owner: Arc::new(owner),
        })
    }

    /// Puts an update into the pipe and waits for its verdict. Many may be in flight; those of one
    /// document are answered in the order in which they were first polled. Waits while the pipe is
    /// full.
    ///
    /// # Errors
    /// `Unavailable` when the child cannot be kept running.
    pub async fn submit(&self, doc: DocKey, update: Bytes) -> Result<Verdict> {
        self.put(doc, update).await.await.map_err(|_| unavailable())
    }

    /// Puts updates of one document into the pipe, in their order, and waits for all verdicts.
    pub async fn submit_all(&self, doc: DocKey, updates: Vec<Bytes>) -> Vec<Result<Verdict>> {
        let mut waiting = Vec::with_capacity(updates.len());
        for update in updates {
            waiting.push(self.put(doc, update).await);
        }
        let mut verdicts = Vec::with_capacity(waiting.len());
        for verdict in waiting {
            verdicts.push(verdict.await.map_err(|_| unavailable()));
        }
        verdicts
    }

    async fn put(&self, doc: DocKey, update: Bytes) -> oneshot::Receiver<Verdict> {
        let (answer, verdict) = oneshot::channel();
        let queue = self.owner.lanes.of(doc);
        let room = queue.room_for(doc, update.len()).await;
        // It may have become slow while it waited.
        self.owner.lanes.of(doc).push(Command::Submit {
            doc,
            update,
            answer,
            room,
        });
        verdict
    }

    /// Gives the staging copy: a full or shallow snapshot of exactly the durable state, taken after
    /// every `committed` that was called for it. A full one is better: Loro is slow with concurrent
    /// edits on a shallow one.
    ///
    /// # Errors
    /// `Unavailable` as `submit`; `TooLarge` when the child cannot hold the document, `Internal`
    /// when it cannot read the snapshot.
    pub async fn seed(&self, doc: DocKey, snapshot: Bytes) -> Result<()> {
        if snapshot.len() > LARGE {
            // It would hardly be there in time.
            self.owner.lanes.slow_down(doc, Instant::now());
        }
        let (answer, verdict) = oneshot::channel();
        let queue = self.owner.lanes.of(doc);
        let room = queue.room_for(doc, snapshot.len()).await;
        self.owner.lanes.of(doc).push(Command::Seed {
            doc,
            snapshot,
            answer,
            room,
        });
        match verdict.await.map_err(|_| unavailable())? {
            Verdict::Refused(Refusal::Killed | Refusal::TooSlow) => Err(Error::new(
                Kind::TooLarge,
                "the document is too large to be tried",
            )),
            Verdict::Refused(_) => Err(Error::new(Kind::Internal, "stage snapshot")),
            // `NeedsDocument`: the child died meanwhile; the next submit says so again.
            _ => Ok(()),
        }
    }

    /// An update came out of the feed. Call it before showing the update to anybody. Never waits:
    /// when the pipe is full, the staging copy is forgotten instead.
    pub fn committed(&self, doc: DocKey, update: Bytes) {
        self.owner.lanes.of(doc).push_committed(doc, update);
    }

    /// The staging copy is no longer right: an update passed the trial and was refused at commit.
    /// Call it before the client hears of the refusal.
    pub fn forget(&self, doc: DocKey) {
        self.owner.lanes.of(doc).push(Command::Forget { doc });
    }
}

fn unavailable() -> Error {
    Error::new(Kind::Unavailable, "the trial is not running")
}

/// The child's main function: serves the trial on stdin and stdout, and ends with its parent.
pub fn child_main() -> ! {
    child::run()
}
