//! The way of updates through one room: trial, commit, answer. Two tasks, so that a group is tried
//! while the one before it is being committed.

mod answer;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

pub use self::answer::Respondent;
use self::answer::{Answer, Fate, Mend, Receipt, answer, status_of};
use super::Shared;
use super::budget::Permit;
use super::readers::Leases;
use super::room::Message;
use crate::auth::Session;
use crate::commit::lease::{self, Lease, Wish};
use crate::commit::{Edit, Outcome};
use crate::document::live::update_meta;
use crate::document::trial::{DocKey, Verdict};
use crate::error::{Error, Kind, Result};
use crate::metrics::{Counter, Counters, Metric};
use crate::protocol::AckStatus;
use crate::traces::{self, Way};

/// Submissions that wait for their trial in one room; then their senders wait.
pub(super) const WAITING: usize = 256;
/// Submissions tried together at most.
const GROUP: usize = 64;
/// Submissions that wait for their commit; then the next trial waits.
const COMMITTING: usize = 256;
/// Times that the staging copy is made for one update: a child may end of somebody else's, and what is too
/// slow for a quick one is tried in the slow one.
const STAGINGS: u32 = 6;
/// The shortest time between two copies of one document that are made anew because an update builds on
/// what they lack: a client that makes such updates up must not have them made all the time.
const ANEW_EVERY: Duration = Duration::from_secs(5);

static TRIALS: Counters<11> = Counters::new(
    "quire_trials_total",
    "Updates by what their trial in the child process found.",
    "verdict",
    [
        "good",
        "known",
        "missing_dependencies",
        "malformed",
        "overlap",
        "harmful",
        "killed",
        "too_slow",
        "too_large",
        "not_owner",
        "other",
    ],
);

static MADE_ANEW: Counter = Counter::new(
    "quire_trial_copies_mended_total",
    "Copies of the trial that lacked what the tables have, found by an update that builds on it.",
);

pub(super) static METRICS: &[&dyn Metric] = &[&TRIALS, &MADE_ANEW];

/// Updates that are answered together.
pub struct Submission {
    /// In whose name.
    pub session: Arc<Session>,
    pub leases: Leases,
    pub respondent: Respondent,
    pub updates: Vec<Bytes>,
    pub permit: Permit,
    /// Noted while traces are on.
    pub way: Option<Arc<Way>>,
}

/// Runs until the room and all its readers are gone.
pub(super) async fn run(
    shared: Arc<Shared>,
    key: DocKey,
    room: mpsc::WeakSender<Message>,
    mut waiting: mpsc::Receiver<Submission>,
) {
    let (receipts, answered) = mpsc::channel(COMMITTING);
    let answers = tokio::spawn(answer(shared.clone(), key, answered));
    let mut desk = Desk {
        shared,
        key,
        room,
        era: 0,
        under_way: Arc::new(Semaphore::new(COMMITTING)),
        made_anew: None,
    };
    let mut group = Vec::new();
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        for receipt in desk.take(std::mem::take(&mut group)).await {
            let place = desk.under_way.clone().acquire_owned().await;
            let place = place.expect("the semaphore is never closed");
            // The other end lives until this one is dropped.
            let _ = receipts.send((receipt, place)).await;
        }
    }
    drop(receipts);
    // It panics only if this one does.
    let _ = answers.await;
}

/// Tries groups and hands over what passed.
struct Desk {
    shared: Arc<Shared>,
    key: DocKey,
    room: mpsc::WeakSender<Message>,
    /// Of the log that the staging copy was read from.
    era: u64,
    /// One permit for each receipt that waits for its answer.
    under_way: Arc<Semaphore>,
    /// When the staging copy was last made anew for an update that builds on what it lacks.
    made_anew: Option<Instant>,
}

impl Desk {
    async fn take(&mut self, group: Vec<Submission>) -> Vec<Receipt> {
        let updates: Vec<(usize, Bytes)> = group
            .iter()
            .enumerate()
            .flat_map(|(place, submission)| {
                submission.updates.iter().map(move |u| (place, u.clone()))
            })
            .collect();
        let mut fates: Vec<Vec<Fate>> = group.iter().map(|_| Vec::new()).collect();
        let mut rest = &updates[..];
        let mut stagings = 0;
        let mut is_anew = false;
        while !rest.is_empty() {
            let began = traces::now();
            let verdicts = self.try_all(rest).await;
            if std::mem::take(&mut is_anew) && matches!(verdicts[0], Ok(Verdict::Good(_))) {
                MADE_ANEW.increment();
                tracing::warn!(document_id = %self.key.document_id, "the trial's copy lacked what the tables have; it was made anew");
            }
            let may_be_anew = self.made_anew.is_none_or(|at| at.elapsed() >= ANEW_EVERY);
            let tried = verdicts
                .iter()
                .position(|verdict| match verdict {
                    Ok(Verdict::NeedsDocument) => true,
                    Ok(Verdict::MissingDependencies) => may_be_anew,
                    _ => false,
                })
                .unwrap_or(rest.len());
            if let Some(Ok(Verdict::MissingDependencies)) = verdicts.get(tried) {
                // The copy may be wrong rather than the client: the tables know.
                self.shared.trial.forget(self.key);
                (self.made_anew, is_anew) = (Some(Instant::now()), true);
            }
            for ((place, update), verdict) in rest.iter().zip(verdicts).take(tried) {
                if let (Some(way), Some(began)) = (&group[*place].way, began) {
                    way.tried(began);
                }
                let fate = self.decide(&group[*place], update, verdict).await;
                fates[*place].push(fate);
            }
            rest = &rest[tried..];
            if rest.is_empty() {
                break;
            }
            // Each staging lets at least one more update be tried, or something is wrong.
            stagings = if tried > 0 { 1 } else { stagings + 1 };
            let staged = match stagings {
                1..=STAGINGS => self.stage(&mut fates).await,
                _ => Err(Error::new(Kind::Internal, "the trial loses its copies")),
            };
            if let Err(error) = staged {
                tracing::warn!(%error, document_id = %self.key.document_id, "stage document for the trial");
                for (place, _) in rest {
                    TRIALS.increment("other");
                    let refused = Answer::Refused(AckStatus::AppError, Mend::Rejoin);
                    fates[*place].push(Fate::Known(refused));
                }
                break;
            }
        }
        group
            .into_iter()
            .zip(fates)
            .map(|(submission, fates)| Receipt { submission, fates })
            .collect()
    }

    async fn try_all(&self, updates: &[(usize, Bytes)]) -> Vec<Result<Verdict>> {
        let updates = updates.iter().map(|(_, update)| update.clone()).collect();
        self.shared.trial.submit_all(self.key, updates).await
    }

    /// Has the room give the trial its copy. Everything that was handed over is answered before, so
    /// that the tables have it, and with them the copy: else what follows it would hang in the air.
    async fn stage(&mut self, fates: &mut [Vec<Fate>]) -> Result<()> {
        for fate in fates.iter_mut().flatten() {
            fate.settle(&self.shared, self.key).await;
        }
        let all = self.under_way.acquire_many(COMMITTING as u32).await;
        drop(all.expect("the semaphore is never closed"));
        let gone = || Error::new(Kind::Unavailable, "the room is closed");
        let room = self.room.upgrade().ok_or_else(gone)?;
        let (reply, staged) = oneshot::channel();
        room.send(Message::Stage { reply })
            .await
            .map_err(|_| gone())?;
        self.era = staged.await.map_err(|_| gone())??;
        Ok(())
    }

    async fn decide(
        &self,
        submission: &Submission,
        update: &Bytes,
        verdict: Result<Verdict>,
    ) -> Fate {
        use Answer::Refused;
        let (inserted, deleted) = match verdict {
            Ok(Verdict::Good(good)) => {
                TRIALS.increment("good");
                (good.inserted, good.deleted)
            }
            // What is known may still wait for its commit: the peer's row decides.
            Ok(Verdict::Known { .. }) => {
                TRIALS.increment("known");
                (0, 0)
            }
            Ok(Verdict::MissingDependencies) => {
                TRIALS.increment("missing_dependencies");
                tracing::debug!(
                    document_id = %self.key.document_id,
                    meta = ?update_meta(update),
                    "an update builds on what the trial's copy lacks"
                );
                return Fate::Known(Refused(AckStatus::InvalidUpdate, Mend::Rejoin));
            }
            Ok(Verdict::Refused(refusal)) => {
                TRIALS.increment(refusal.code());
                tracing::warn!(
                    document_id = %self.key.document_id,
                    session_id = %submission.session.session_id,
                    reason = refusal.code(),
                    bytes = update.len(),
                    "an update did not pass its trial"
                );
                return Fate::Known(Refused(status_of(refusal), Mend::Rejoin));
            }
            Ok(Verdict::NeedsDocument) | Err(_) => {
                TRIALS.increment("other");
                return Fate::Known(Refused(AckStatus::AppError, Mend::Rejoin));
            }
        };
        match self.hand_over(submission, update, inserted, deleted).await {
            Ok(outcome) => Fate::Committing(outcome),
            Err(error) => {
                self.shared.trial.forget(self.key);
                Fate::Known(match error.kind() {
                    Kind::Forbidden | Kind::NotFound | Kind::SignedOut => {
                        TRIALS.increment("not_owner");
                        Refused(AckStatus::PermissionDenied, Mend::Rejoin)
                    }
                    _ => Refused(AckStatus::AppError, Mend::Rejoin),
                })
            }
        }
    }

    async fn hand_over(
        &self,
        submission: &Submission,
        update: &Bytes,
        inserted: u32,
        deleted: u32,
    ) -> Result<oneshot::Receiver<Outcome>> {
        let meta = update_meta(update)?;
        let lease = match submission.leases.of(meta.peer) {
            Some(lease) => lease,
            None => self.claim(submission, meta.peer).await?,
        };
        self.shared
            .commit
            .submit(Edit {
                org_id: self.key.org_id,
                document_id: self.key.document_id,
                peer: meta.peer,
                session_id: submission.session.session_id,
                lease_id: lease.lease_id,
                era: self.era,
                counter_start: meta.counter_start,
                counter_end: meta.counter_end,
                inserted: i32::try_from(inserted).unwrap_or(i32::MAX),
                deleted: i32::try_from(deleted).unwrap_or(i32::MAX),
                update: update.clone(),
                way: submission.way.clone(),
            })
            .await
    }

    /// A client that chose its peer itself: the peer becomes its account's with the first update.
    async fn claim(&self, submission: &Submission, peer: u64) -> Result<Lease> {
        let lease = lease::take(
            &self.shared.pool,
            &lease::Request {
                org_id: self.key.org_id,
                document_id: self.key.document_id,
                session: &submission.session,
                device: "",
                wish: Wish::Exactly(peer),
            },
        )
        .await?;
        submission.leases.add(lease);
        Ok(lease)
    }
}
