//! Work that a server does again and again beside what people wait for: every so often a round, after a
//! failure a pause, and documents taken from the tables a page at a time.

use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior};
use tokio_postgres::Row;
use tokio_util::sync::CancellationToken;

use crate::document::trial::DocKey;
use crate::error::{Error, Kind, Result};
use crate::postgres::sqlstate;

/// The rounds of one kind of work, until it is stopped.
pub struct Rounds {
    tick: Interval,
    pause: Duration,
    stop: CancellationToken,
}

impl Rounds {
    /// One round in `every`; none for `pause` after one that failed.
    pub fn new(every: Duration, pause: Duration, stop: CancellationToken) -> Self {
        let mut tick = tokio::time::interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { tick, pause, stop }
    }

    /// Waits until it is time for the next round; false when there is none.
    pub async fn next(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            _ = self.tick.tick() => true,
        }
    }

    /// Plays a round, which ends anywhere when the work is stopped; `doing` names it in the log.
    pub async fn play(&self, doing: &str, round: impl Future<Output = Result<()>>) {
        let and_pause = async {
            if let Err(error) = round.await {
                tracing::warn!(%error, "{doing}; trying again");
                tokio::time::sleep(self.pause).await;
            }
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            () = and_pause => {}
        }
    }
}

/// Says that the work failed on one document. The others go on, unless the failure is one that all of them
/// would have.
///
/// # Errors
/// That failure, when the database cannot be used.
pub fn pass_over(key: DocKey, doing: &str, error: Error) -> Result<()> {
    // Its own statement took too long, or waited too long for somebody else's.
    const OF_ONE: [&str; 4] = ["57014", "55P03", "40001", "40P01"];
    let is_of_one = sqlstate(&error).is_some_and(|state| OF_ONE.contains(&state.code()));
    if error.kind() == Kind::Unavailable && !is_of_one {
        return Err(error);
    }
    tracing::warn!(document_id = %key.document_id, %error, "{doing}; the others go on, and it is tried again later");
    Ok(())
}

/// A look through the documents in the tables, a page at a time, and then through all of them again.
pub struct Look {
    every: Duration,
    began: Instant,
    /// The document that was looked at last; none: all were.
    at: Option<DocKey>,
}

impl Look {
    /// Through all documents now, and again when that was begun longer than `every` ago.
    pub fn new(every: Duration) -> Self {
        Self {
            every,
            began: Instant::now(),
            at: Some(DocKey::BEFORE_ALL),
        }
    }

    pub fn began(&self) -> Instant {
        self.began
    }

    /// Whether all documents were looked at.
    pub fn is_over(&self) -> bool {
        self.at.is_none()
    }

    /// The document after which the next page begins, if it is time for one; `is_asked`: begin anew.
    pub fn next(&mut self, is_asked: bool) -> Option<DocKey> {
        if is_asked || (self.is_over() && self.began.elapsed() > self.every) {
            *self = Self::new(self.every);
        }
        self.at
    }

    /// The page of at most `limit` documents that was found.
    pub fn passed(&mut self, page: &[Row], limit: i64) {
        let is_last = (page.len() as i64) < limit;
        self.at = page.last().filter(|_| !is_last).map(DocKey::of);
    }
}
