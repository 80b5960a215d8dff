//! What a lane says to the database: the statement that writes a batch, the one that finds out why a run of
//! it was not written, and what their failures mean.

use deadpool_postgres::Object;
use tokio_postgres::Statement;
use tokio_postgres::error::SqlState;

use super::batch::Run;
use super::{Edit, Outcome, Refusal};
use crate::postgres::{Identity, Pool, Server};
use crate::traces;

/// How long a batch waits for a peer's row that another transaction holds, in milliseconds.
const LOCK_TIMEOUT_MS: u64 = 500;

const COMMIT_EDITS: &str = include_str!("../../sql/commit_edits.sql");
const EXPLAIN_REFUSAL: &str = include_str!("../../sql/explain_refusal.sql");

/// Why a batch was not committed.
pub(super) enum Failure {
    /// A row stayed locked, or the batch was chosen to end a deadlock.
    Blocked,
    /// Something in it cannot be stored.
    Unstorable(String),
    /// The database could not be reached, or would not write just now.
    Away(String),
    /// Some of it was tried on documents of another log.
    Outdated,
}

/// A connection with the statements prepared.
pub(super) struct Connection {
    pub client: Object,
    /// The log that it writes, where traces need it: the feed may not have streamed it yet.
    pub log: Option<Server>,
    commit_edits: Statement,
    explain_refusal: Statement,
}

impl Connection {
    pub async fn of(pool: &Pool) -> Result<Self, Failure> {
        let client = pool.get().await.map_err(|e| Failure::Away(e.to_string()))?;
        client
            // The rule of access makes planning dearer than running: it is done once, not for each batch.
            .batch_execute(&format!(
                "set lock_timeout = {LOCK_TIMEOUT_MS}; set plan_cache_mode = force_generic_plan"
            ))
            .await?;
        let commit_edits = client.prepare_cached(COMMIT_EDITS).await?;
        let explain_refusal = client.prepare_cached(EXPLAIN_REFUSAL).await?;
        let log = match traces::are_made() {
            true => Identity::ask(&client).await.map(|database| database.server),
            false => Ok(None),
        };
        let log = log.map_err(|e| Failure::Away(e.to_string()))?;
        Ok(Self {
            client,
            log,
            commit_edits,
            explain_refusal,
        })
    }

    /// Which runs advanced, and the low 32 bits of the transaction's number; 0 when none did.
    pub async fn insert(&self, runs: &[Run]) -> Result<(Vec<bool>, u32), Failure> {
        let firsts = || runs.iter().map(Run::first);
        let edits = || {
            runs.iter()
                .zip(1_i64..)
                .flat_map(|(run, claim)| run.waiting.iter().map(move |w| (claim, &w.edit)))
        };
        let rows = self
            .client
            .query(
                &self.commit_edits,
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

    /// How the peer of an edit that was not written stands.
    pub async fn standing(&self, edit: &Edit) -> Result<Standing, Failure> {
        let row = self
            .client
            .query_one(
                &self.explain_refusal,
                &[
                    &edit.org_id,
                    &edit.document_id,
                    &(edit.peer as i64),
                    &edit.session_id,
                    &edit.lease_id,
                ],
            )
            .await?;
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
pub(super) struct Standing {
    is_owner: bool,
    next_counter: i32,
    refusal: Option<Refusal>,
}

impl Standing {
    /// What that means for an edit; none: it can be tried again as it is.
    pub fn of(&self, edit: &Edit, follows_one_that_can: bool) -> Option<Outcome> {
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

/// Tells apart what a batch of its own, a pause, or nothing can mend.
impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        // The server's own words where there are any: the client's error alone says only "db error".
        let Some(db) = error.as_db_error() else {
            return Self::Away(error.to_string());
        };
        let reason = db.to_string();
        match db.code() {
            &SqlState::LOCK_NOT_AVAILABLE | &SqlState::T_R_DEADLOCK_DETECTED => Self::Blocked,
            // Class 22 is bad data, 23 a broken constraint; everything else may be different later.
            code if code.code().starts_with("22") || code.code().starts_with("23") => {
                Self::Unstorable(reason)
            }
            _ => Self::Away(reason),
        }
    }
}
