//! The way of updates from their frame to their acknowledgement. Which trace that is part of is known only
//! when they are committed, so moments are noted on the way and become spans at its end.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::{Place, Span, Transaction, current, now};

/// Updates that were received together.
#[derive(Debug)]
pub struct Way {
    received: Instant,
    /// The request that brought them, if it is traced.
    caller: Option<Place>,
    /// When their trial began and ended.
    tried: OnceLock<(Instant, Instant)>,
    /// The transaction of the first of them that became a row, if it is traced, and when its commit began.
    committed: OnceLock<(Transaction, Instant)>,
}

impl Way {
    /// They are received now; none while traces are off.
    pub fn begun() -> Option<Arc<Self>> {
        now().map(|received| {
            Arc::new(Self {
                received,
                caller: current(),
                tried: OnceLock::new(),
                committed: OnceLock::new(),
            })
        })
    }

    /// Their trial began then and ends now. What is tried again counts by the first time.
    pub fn tried(&self, began: Instant) {
        self.tried.get_or_init(|| (began, Instant::now()));
    }

    pub(super) fn received(&self) -> Instant {
        self.received
    }

    pub(super) fn committed(&self, transaction: Transaction, began: Instant) {
        self.committed.get_or_init(|| (transaction, began));
    }

    /// Whoever sent them is told now.
    pub fn acknowledged(&self, updates: usize, is_done: bool) {
        // Refused, there before, or not traced.
        let Some((transaction, commit)) = self.committed.get() else {
            return;
        };
        let Some(mut update) = Span::below(transaction.root(), "update") else {
            return;
        };
        update.began(self.received);
        update.set("quire.updates", updates);
        update.link(self.caller);
        if !is_done {
            update.fail();
        }
        let Some((began, ended)) = self.tried.get() else {
            return;
        };
        if let Some(mut trial) = Span::below(update.place(), "trial") {
            trial.took(*began, *ended);
        }
        if let Some(mut wait) = Span::below(update.place(), "wait") {
            wait.took(*ended, *commit.max(ended));
        }
    }
}
