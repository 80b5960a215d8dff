//! One lane: takes what waits, commits it in one statement, answers, and takes what waits then.

use std::time::{Duration, Instant};

use deadpool_postgres::Object;
use tokio::sync::mpsc;

use super::batch::{Run, runs};
use super::statements::{Connection, Failure, Standing};
use super::{Edit, Outcome, Refusal, Waiting};
use crate::fair::FairQueue;
use crate::metrics::{COUNTS, Counter, Histogram, Metric, SECONDS};
use crate::postgres::Pool;
use crate::traces;

/// Edits in one batch at most: beyond some hundreds a batch only gets slower, not cheaper an edit.
const BATCH_EDITS: usize = 1_024;
/// Bytes of updates in one batch at most, beyond its first edit.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// First and longest pause after the database could not be used, in milliseconds.
const RETRY_MS: std::ops::RangeInclusive<u64> = 50..=2_000;

static COMMITTED: Counter = Counter::new(
    "quire_edits_committed_total",
    "Edits that became rows on this server.",
);
static ALREADY_THERE: Counter = Counter::new(
    "quire_edits_already_there_total",
    "Edits that were rows before: sent twice, or the first answer was lost.",
);
static REFUSED: Counter = Counter::new(
    "quire_edits_refused_total",
    "Edits that the database refused in the statement that writes them.",
);
static RETRIES: Counter = Counter::new(
    "quire_commit_retries_total",
    "Batches tried again because the database could not be used.",
);
static BATCH_SIZE: Histogram<11> = Histogram::new(
    "quire_commit_batch_edits",
    "Edits in one committed batch.",
    COUNTS,
);
static BATCH_SECONDS: Histogram<16> = Histogram::new(
    "quire_commit_batch_seconds",
    "Time from sending a batch to the return of its COMMIT, in seconds.",
    SECONDS,
);
pub(super) static METRICS: &[&dyn Metric] = &[
    &COMMITTED,
    &ALREADY_THERE,
    &REFUSED,
    &RETRIES,
    &BATCH_SIZE,
    &BATCH_SECONDS,
];

/// Edits that became rows, see [`COMMITTED`].
pub(super) fn committed() -> u64 {
    COMMITTED.value()
}

/// Runs until every handle is gone and everything that waited was answered.
pub(super) async fn run(pool: Pool, mut receiver: mpsc::Receiver<Waiting>) {
    let mut lane = Lane {
        pool,
        connection: None,
    };
    // Bounded by the shares of the organisations.
    let mut queue = FairQueue::default();
    loop {
        if queue.is_empty() {
            match receiver.recv().await {
                Some(waiting) => queue.push(waiting.edit.org_id, waiting),
                None => return,
            }
        }
        // Everything that came during the last batch: in here organisations take turns.
        while let Ok(waiting) = receiver.try_recv() {
            queue.push(waiting.edit.org_id, waiting);
        }
        let (runs, mut again) = runs(take_batch(&mut queue));
        let mut first = lane.commit(runs).await;
        first.append(&mut again);
        for waiting in first.into_iter().rev() {
            queue.push_front(waiting.edit.org_id, waiting);
        }
    }
}

fn take_batch(queue: &mut FairQueue<Waiting>) -> Vec<Waiting> {
    let mut bytes = 0;
    let mut batch = Vec::new();
    while let Some(next) = queue.peek() {
        bytes += next.edit.update.len();
        if batch.len() == BATCH_EDITS || (bytes > BATCH_BYTES && !batch.is_empty()) {
            break;
        }
        batch.extend(queue.pop());
    }
    batch
}

struct Lane {
    pool: Pool,
    /// Kept from batch to batch; none before the first one and after a loss.
    connection: Option<Connection>,
}

impl Lane {
    /// Commits the runs, answers, and returns what must be tried again at the head of the queue.
    async fn commit(&mut self, mut runs: Vec<Run>) -> Vec<Waiting> {
        let mut pause_ms = *RETRY_MS.start();
        loop {
            match self.attempt(&runs).await {
                Err(Failure::Outdated) => {
                    let era = self.pool.lineage().era();
                    let (outdated, current) = runs.into_iter().partition(|r| r.first().era != era);
                    answer_all(outdated, Outcome::Refused(Refusal::LogChanged));
                    runs = current;
                    if runs.is_empty() {
                        return Vec::new();
                    }
                }
                Ok(advanced) => return self.settle(runs, advanced).await,
                Err(Failure::Blocked | Failure::Unstorable(_)) if runs.len() > 1 => {
                    return self.one_by_one(runs).await;
                }
                Err(Failure::Blocked) => {
                    answer_all(runs, Outcome::Refused(Refusal::Busy));
                    return Vec::new();
                }
                Err(Failure::Unstorable(reason)) => {
                    tracing::error!(
                        reason,
                        document_id = %runs[0].first().document_id,
                        "commit edits: the database rejected a batch; its edits were refused"
                    );
                    answer_all(runs, Outcome::Refused(Refusal::Unstorable));
                    return Vec::new();
                }
                Err(Failure::Away(reason)) => {
                    // Whether the batch was committed is unknown. Trying again is safe: what is
                    // there already is answered as such.
                    self.drop_connection();
                    RETRIES.increment();
                    tracing::warn!(
                        reason,
                        pause_ms,
                        edits = count(&runs),
                        "commit edits: the database cannot be used; trying again"
                    );
                    let pause = Duration::from_millis(pause_ms);
                    let lineage = self.pool.lineage();
                    // Another database may be followed meanwhile.
                    let _ = tokio::time::timeout(pause, lineage.changed()).await;
                    pause_ms = (pause_ms * 2).min(*RETRY_MS.end());
                }
            }
        }
    }

    /// One run holds up or spoils the batch: the others must not suffer from it.
    async fn one_by_one(&mut self, runs: Vec<Run>) -> Vec<Waiting> {
        let mut again = Vec::new();
        for run in runs {
            again.extend(Box::pin(self.commit(vec![run])).await);
        }
        again
    }

    async fn connection(&mut self) -> Result<&Connection, Failure> {
        let lineage = self.pool.lineage();
        let leads_elsewhere =
            |held: &Connection| !lineage.is_current(Object::metrics(&held.client).created);
        if self.connection.as_ref().is_some_and(leads_elsewhere) {
            self.drop_connection();
        }
        if self.connection.is_none() {
            self.connection = Some(Connection::of(&self.pool).await?);
        }
        Ok(self.connection.as_ref().expect("set just above"))
    }

    /// Closes it: nobody else shall have one that failed, or that leads to another log.
    fn drop_connection(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection.client));
        }
    }

    /// One statement for all runs. Returns which of them advanced their peer.
    async fn attempt(&mut self, runs: &[Run]) -> Result<Vec<bool>, Failure> {
        let lineage = self.pool.lineage().clone();
        let connection = self.connection().await?;
        // Asked when the connection is there: it leads to the log of this era, or to the one before.
        let era = lineage.era();
        if runs.iter().any(|run| run.first().era != era) {
            return Err(Failure::Outdated);
        }
        let started = Instant::now();
        let log = connection.log;
        let (advanced, xid) = connection.insert(runs).await?;
        BATCH_SECONDS.observe_duration(started.elapsed());
        BATCH_SIZE.observe(count(runs) as f64);
        if let Some(transaction) = traces::Transaction::of(|| log, xid) {
            let pairs = runs.iter().zip(&advanced);
            let rows = || {
                let advanced = pairs.clone().filter(|(_, advanced)| **advanced);
                advanced.flat_map(|(run, _)| &run.waiting)
            };
            let ways = rows().filter_map(|waiting| waiting.edit.way.as_deref());
            transaction.committed(started, rows().count(), ways);
        }
        Ok(advanced)
    }

    /// Answers the runs that advanced, and finds out about each that did not.
    async fn settle(&mut self, runs: Vec<Run>, advanced: Vec<bool>) -> Vec<Waiting> {
        let mut again = Vec::new();
        for (run, advanced) in runs.into_iter().zip(advanced) {
            if advanced {
                COMMITTED.add(run.waiting.len() as u64);
                answer_all(vec![run], Outcome::Committed);
            } else {
                again.extend(self.explain(run).await);
            }
        }
        again
    }

    /// Tells each edit of a run that did not advance why; returns those that can be tried as they
    /// are, because only the edits before them were there already.
    async fn explain(&mut self, run: Run) -> Vec<Waiting> {
        let standing = match self.standing(run.first()).await {
            Ok(standing) => standing,
            // The database went away between the two statements: the whole run is tried again.
            Err(_) => {
                self.drop_connection();
                return run.waiting;
            }
        };
        let mut again = Vec::new();
        for waiting in run.waiting {
            match standing.of(&waiting.edit, !again.is_empty()) {
                None => again.push(waiting),
                Some(outcome) => {
                    match outcome {
                        Outcome::AlreadyThere => ALREADY_THERE.increment(),
                        _ => REFUSED.increment(),
                    }
                    // Whoever asked may be gone.
                    let _ = waiting.answer.send(outcome);
                }
            }
        }
        again
    }

    async fn standing(&mut self, edit: &Edit) -> Result<Standing, Failure> {
        self.connection().await?.standing(edit).await
    }
}

fn answer_all(runs: Vec<Run>, outcome: Outcome) {
    for waiting in runs.into_iter().flat_map(|run| run.waiting) {
        // Whoever asked may be gone; the edit is where it is all the same.
        let _ = waiting.answer.send(outcome);
    }
}

fn count(runs: &[Run]) -> usize {
    runs.iter().map(|run| run.waiting.len()).sum()
}
