//! What the feed's tasks, its consumer and its handles share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::address::Address;
use super::progress::Progress;
use super::ring::Ring;
use super::snapshot::Snapshot;
use super::status::{State, Status};
use crate::change::{Change, Lsn, Transaction};
use crate::metrics::{Counter, Gauge, Metric};

static RING_BYTES: Gauge = Gauge::new(
    "quire_feed_ring_bytes",
    "Memory held by transactions that were streamed and are not surely visible yet.",
);
static RING_FULL: Counter = Counter::new(
    "quire_feed_ring_full_total",
    "How often the feed stopped reading because the ring was full.",
);
static BEHIND: Gauge = Gauge::new(
    "quire_feed_behind_bytes",
    "Log that the database has flushed and the feed has not read.",
);
static TRANSACTIONS: Counter = Counter::new(
    "quire_feed_transactions_total",
    "Transactions, and pieces of large ones, that the feed has handed over.",
);
static LOST: Counter = Counter::new(
    "quire_feed_lost_total",
    "How often the stream was lost after it had begun.",
);

/// The feed's metrics.
pub static METRICS: &[&dyn Metric] = &[&RING_BYTES, &RING_FULL, &BEHIND, &TRANSACTIONS, &LOST];

/// An edit, and what tells it from another one that got its number later.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub org_id: Uuid,
    pub document_id: Uuid,
    pub edit_id: i64,
    pub peer: u64,
    pub counters: (i32, i32),
}

#[derive(Debug)]
pub(super) struct Shared {
    ring: Mutex<Ring>,
    /// Of the epoch that is streamed.
    progress: Mutex<(u64, Progress)>,
    /// The last edit that was streamed: a database that does not have it has another log.
    last_edit: Mutex<Option<Mark>>,
    /// Where the primary's log ended when it was last looked at.
    flushed: AtomicU64,
    /// Where the database is that was followed last.
    address: Mutex<Option<Address>>,
    pub status: watch::Sender<Status>,
    /// The ring holds something again: visibility must be watched.
    pub filled: Notify,
    /// Something has left the ring.
    drained: Notify,
}

impl Shared {
    pub fn new() -> Self {
        Self {
            ring: Mutex::default(),
            progress: Mutex::new((0, Progress::new(Lsn::default()))),
            last_edit: Mutex::default(),
            flushed: AtomicU64::new(0),
            address: Mutex::default(),
            status: watch::Sender::new(Status {
                state: State::Starting,
                epoch: 0,
                settled: false,
                received: Lsn::default(),
                applied: Lsn::default(),
                behind_bytes: 0,
                last_heard: Instant::now(),
                published: Instant::now(),
                server: None,
                source: String::new(),
            }),
            filled: Notify::new(),
            drained: Notify::new(),
        }
    }

    pub fn ring(&self) -> MutexGuard<'_, Ring> {
        // Nothing in it is left half done by a panic that could be caught.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self) -> MutexGuard<'_, (u64, Progress)> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mark(&self) -> MutexGuard<'_, Option<Mark>> {
        self.last_edit
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The last edit that was streamed.
    pub fn last_edit(&self) -> Option<Mark> {
        *self.mark()
    }

    /// Where the primary's log ended when it was last looked at.
    pub fn flushed(&self) -> Lsn {
        Lsn(self.flushed.load(Ordering::Relaxed))
    }

    /// Where the database is that was followed last.
    pub fn address(&self) -> Option<Address> {
        let address = self.address.lock();
        address.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The database at this address is followed from now on.
    pub fn follow(&self, address: &Address) {
        let mut followed = self.address.lock().unwrap_or_else(PoisonError::into_inner);
        *followed = Some(address.clone());
    }

    /// Something was heard from the database.
    pub fn heard(&self) {
        self.note(|status| status.last_heard = Instant::now());
    }

    /// The publication was as it should be at `at`.
    pub fn published(&self, at: Instant) {
        self.note(|status| status.published = at);
    }

    /// The stream of this epoch begins at `start`.
    pub fn begin(&self, epoch: u64, start: Lsn) {
        *self.progress() = (epoch, Progress::new(start));
    }

    /// A transaction goes to the consumer: it is in the ring from here on.
    pub fn hand_over(&self, transaction: &std::sync::Arc<Transaction>) {
        let mut ring = self.ring();
        let was_empty = ring.is_empty();
        ring.insert(transaction);
        RING_BYTES.set(ring.bytes() as i64);
        if was_empty && !ring.is_empty() {
            self.filled.notify_one();
        }
        drop(ring);
        TRANSACTIONS.increment();
        let last = transaction.changes.iter().rev().find_map(|c| match c {
            Change::Edit(edit) => Some(Mark {
                org_id: edit.org_id,
                document_id: edit.document_id,
                edit_id: edit.edit_id,
                peer: edit.peer,
                counters: (edit.counter_start, edit.counter_end),
            }),
            _ => None,
        });
        if last.is_some() {
            *self.mark() = last;
        }
        self.progress().1.hand_over(transaction.end_lsn);
    }

    /// The stream came to `lsn` without anything for the consumer.
    pub fn pass(&self, lsn: Lsn) {
        self.progress().1.pass(lsn);
    }

    /// The consumer has applied everything of this epoch up to `lsn`; of an earlier one it no
    /// longer matters.
    pub fn apply(&self, epoch: u64, lsn: Lsn) {
        let mut progress = self.progress();
        if progress.0 == epoch {
            progress.1.apply(lsn);
        }
    }

    /// How far the stream was read, or the one before it.
    pub fn received(&self) -> Lsn {
        self.progress().1.received()
    }

    /// How far the stream was read and what may be confirmed of it now.
    pub fn confirm(&self) -> (Lsn, Lsn) {
        let mut progress = self.progress();
        let (received, confirmed) = (progress.1.received(), progress.1.confirm());
        drop(progress);
        self.note(|status| (status.received, status.applied) = (received, confirmed));
        (received, confirmed)
    }

    /// Lets go of what everybody sees; `flushed` is where the database's log ends.
    pub fn evict(&self, snapshot: &Snapshot, flushed: Lsn) {
        let mut ring = self.ring();
        ring.evict(snapshot);
        RING_BYTES.set(ring.bytes() as i64);
        drop(ring);
        self.drained.notify_waiters();
        self.flushed.store(flushed.0, Ordering::Relaxed);
        let behind_bytes = flushed.0.saturating_sub(self.received().0);
        BEHIND.set(behind_bytes as i64);
        self.note(|status| status.behind_bytes = behind_bytes);
    }

    /// Waits until the ring holds less than `limit` bytes.
    pub async fn has_room(&self, limit: usize) {
        let mut is_counted = false;
        loop {
            // Asked to be woken before looking, so that nothing falls in between.
            let drained = self.drained.notified();
            tokio::pin!(drained);
            drained.as_mut().enable();
            if self.ring().bytes() < limit {
                return;
            }
            if !is_counted {
                RING_FULL.increment();
                is_counted = true;
                tracing::warn!(
                    limit_bytes = limit,
                    "the feed stops reading: too much was streamed that is not visible yet; is a synchronous standby missing?"
                );
            }
            drained.await;
        }
    }

    /// Changes the status and wakes those who watch it.
    pub fn set(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_modify(|status| {
            change(status);
        });
    }

    /// Counts a stream that was lost.
    pub fn count_lost(&self) {
        LOST.increment();
    }

    /// Changes figures of the status; nobody is woken.
    fn note(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_if_modified(|status| {
            change(status);
            false
        });
    }
}
