//! One lane: takes what waits, commits it in one statement, answers, and takes what waits then.

use std::time::{Duration, Instant};

use deadpool_postgres::Object;
use tokio::sync::mpsc;
use tokio_postgres::Statement;
use tokio_postgres::error::SqlState;

use super::batch::{Run, runs};
use super::{Edit, Outcome, Refusal, Waiting};
use crate::fair::FairQueue;
use crate::metrics::{COUNTS, Counter, Histogram, Metric, SECONDS};
use crate::postgres::Pool;
use crate::traces;

/// Edits in one batch at most: beyond some hundreds a batch only gets slower, not cheaper an edit.
const BATCH_EDITS: usize = 1_024;
/// Bytes of updates in one batch at most, beyond its first edit.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// How long a batch waits for a peer's row that another transaction holds, in milliseconds.
const LOCK_TIMEOUT_MS: u64 = 500;
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

const COMMIT_EDITS: &str = include_str!("../../sql/commit_edits.sql");
const EXPLAIN_REFUSAL: &str = include_str!("../../sql/explain_refusal.sql");

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

/// Why a batch was not committed.
enum Failure {
    /// A row stayed locked, or the batch was chosen to end a deadlock.
    Blocked,
    /// Something in it cannot be stored.
    Unstorable(String),
    /// The database could not be reached, or would not write just now.
    Away(String),
    /// Some of it was tried on documents of another log.
    Outdated,
}

struct Connection {
    client: Object,
    commit_edits: Statement,
    explain_refusal: Statement,
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
            self.connection = Some(connect(&self.pool).await?);
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
        let (advanced, xid) = insert(connection, runs).await.map_err(failure)?;
        BATCH_SECONDS.observe_duration(started.elapsed());
        BATCH_SIZE.observe(count(runs) as f64);
        if let Some(transaction) = traces::Transaction::of(|| lineage.server(), xid) {
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
        let connection = self.connection().await?;
        let row = connection
            .client
            .query_one(
                &connection.explain_refusal,
                &[
                    &edit.org_id,
                    &edit.document_id,
                    &(edit.peer as i64),
                    &edit.session_id,
                    &edit.lease_id,
                ],
            )
            .await
            .map_err(failure)?;
        let is_owner: bool = row.get("is_owner");
        let refusal = if !row.get::<_, bool>("is_signed_in") {
            Some(Refusal::SignedOut)
        } else if !row.get::<_, bool>("document_exists") {
            Some(Refusal::DocumentDeleted)
        } else if !row.get::<_, bool>("may_edit") {
            Some(Refusal::Forbidden)
        } else if row.get::<_, bool>("peer_exists") && !is_owner {
            Some(Refusal::NotOwner)
        } else if !row.get::<_, bool>("is_leased") {
            Some(Refusal::LeaseLost)
        } else {
            None
        };
        Ok(Standing {
            is_owner,
            next_counter: row.get("next_counter"),
            refusal,
        })
    }
}

/// How a peer stands with its session, read after the statement had refused it.
struct Standing {
    is_owner: bool,
    next_counter: i32,
    refusal: Option<Refusal>,
}

impl Standing {
    /// What that means for an edit; none: it can be tried again as it is.
    fn of(&self, edit: &Edit, follows_one_that_can: bool) -> Option<Outcome> {
        if self.is_owner && edit.counter_end <= self.next_counter {
            Some(Outcome::AlreadyThere)
        } else if let Some(refusal) = self.refusal {
            Some(Outcome::Refused(refusal))
        } else if edit.counter_start == self.next_counter || follows_one_that_can {
            None
        } else {
            Some(Outcome::Refused(Refusal::OutOfOrder {
                next_counter: self.next_counter,
            }))
        }
    }
}

async fn connect(pool: &Pool) -> Result<Connection, Failure> {
    let client = pool.get().await.map_err(|e| Failure::Away(e.to_string()))?;
    client
        // The rule of access makes planning dearer than running: it is done once, not for each batch.
        .batch_execute(&format!(
            "set lock_timeout = {LOCK_TIMEOUT_MS}; set plan_cache_mode = force_generic_plan"
        ))
        .await
        .map_err(failure)?;
    let commit_edits = client.prepare_cached(COMMIT_EDITS).await.map_err(failure)?;
    let explain_refusal = client
        .prepare_cached(EXPLAIN_REFUSAL)
        .await
        .map_err(failure)?;
    Ok(Connection {
        client,
        commit_edits,
        explain_refusal,
    })
}

/// Which runs advanced, and the low 32 bits of the transaction's number; 0 when none did.
async fn insert(
    connection: &Connection,
    runs: &[Run],
) -> Result<(Vec<bool>, u32), tokio_postgres::Error> {
    let firsts = || runs.iter().map(Run::first);
    let edits = || {
        runs.iter()
            .zip(1_i64..)
            .flat_map(|(run, claim)| run.waiting.iter().map(move |w| (claim, &w.edit)))
    };
    let rows = connection
        .client
        .query(
            &connection.commit_edits,
            &[
                &firsts().map(|e| e.org_id).collect::<Vec<_>>(),
                &firsts().map(|e| e.document_id).collect::<Vec<_>>(),
                &firsts().map(|e| e.peer as i64).collect::<Vec<_>>(),
                &firsts().map(|e| e.session_id).collect::<Vec<_>>(),
                &firsts().map(|e| e.lease_id).collect::<Vec<_>>(),
                &firsts().map(|e| e.counter_start).collect::<Vec<_>>(),
                &runs.iter().map(Run::counter_end).collect::<Vec<_>>(),
                &edits().map(|(claim, _)| claim).collect::<Vec<_>>(),
                &edits().map(|(_, e)| e.counter_start).collect::<Vec<_>>(),
                &edits().map(|(_, e)| e.counter_end).collect::<Vec<_>>(),
                &edits().map(|(_, e)| e.inserted).collect::<Vec<_>>(),
                &edits().map(|(_, e)| e.deleted).collect::<Vec<_>>(),
                &edits().map(|(_, e)| &e.update[..]).collect::<Vec<_>>(),
            ],
        )
        .await?;
    let mut advanced = vec![false; runs.len()];
    let mut xid = 0;
    for row in rows {
        let claim: i64 = row.get("claim");
        advanced[claim as usize - 1] = true;
        xid = row.get::<_, i64>("xid") as u32;
    }
    Ok((advanced, xid))
}

/// Tells apart what a batch of its own, a pause, or nothing can mend.
fn failure(error: tokio_postgres::Error) -> Failure {
    // The server's own words where there are any: the client's error alone says only "db error".
    let Some(db) = error.as_db_error() else {
        return Failure::Away(error.to_string());
    };
    let reason = db.to_string();
    match db.code() {
        &SqlState::LOCK_NOT_AVAILABLE | &SqlState::T_R_DEADLOCK_DETECTED => Failure::Blocked,
        // Class 22 is bad data, 23 a broken constraint; everything else may be different later.
        code if code.code().starts_with("22") || code.code().starts_with("23") => {
            Failure::Unstorable(reason)
        }
        _ => Failure::Away(reason),
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
