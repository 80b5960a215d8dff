//! What the log brings, counted in memory: edits and bytes of the last minute by document and by
//! organisation, and rates of the last seconds. It costs the database nothing, and bounded memory.

mod heavy;

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use self::heavy::Heavy;
pub use self::heavy::Weight;
use crate::change::{Change, Lsn, Transaction};

/// How much of the past "busiest" means.
pub const MINUTE: Duration = Duration::from_secs(60);
/// The minute goes in such pieces.
const PIECE: Duration = Duration::from_secs(5);
/// Documents, and organisations, that are told apart in one piece.
const DOCUMENTS: usize = 1024;
const ORGANISATIONS: usize = 256;
/// Rates are of so many seconds.
const RATE: usize = 10;

/// What is going on. Cheap to clone.
#[derive(Clone, Default)]
pub struct Activity {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    pieces: VecDeque<Piece>,
    edits: u64,
    /// One a second.
    marks: VecDeque<Mark>,
}

struct Piece {
    began: Instant,
    documents: Heavy<(Uuid, Uuid)>,
    organisations: Heavy<Uuid>,
}

/// Where counters stood.
#[derive(Clone, Copy)]
struct Mark {
    at: Instant,
    committed: u64,
    delivered: u64,
    flushed: Lsn,
}

/// What happened in the last seconds, as if it had been ten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// Edits that this server committed.
    pub committed_10s: u64,
    /// Edits that the log brought it, of all servers.
    pub delivered_10s: u64,
    /// Bytes that the database wrote into its log.
    pub wal_bytes_10s: u64,
}

impl Activity {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a transaction of the log.
    pub fn hear(&self, transaction: &Transaction, now: Instant) {
        let is_edit = |change: &Change| matches!(change, Change::Edit(_));
        if !transaction.changes.iter().any(is_edit) {
            return;
        }
        let mut state = self.state();
        let state = &mut *state;
        let is_fresh = |piece: &Piece| now.saturating_duration_since(piece.began) < PIECE;
        if !state.pieces.back().is_some_and(is_fresh) {
            state.pieces.push_back(Piece {
                began: now,
                documents: Heavy::new(DOCUMENTS),
                organisations: Heavy::new(ORGANISATIONS),
            });
            state.forget(now);
        }
        let Some(piece) = state.pieces.back_mut() else {
            return;
        };
        for change in &transaction.changes {
            if let Change::Edit(edit) = change {
                let bytes = edit.update.len() as u64;
                piece
                    .documents
                    .count((edit.org_id, edit.document_id), bytes);
                piece.organisations.count(edit.org_id, bytes);
                state.edits += 1;
            }
        }
    }

    /// Notes, once a second, how many edits this server has committed so far and where the log ends.
    pub fn mark(&self, committed: u64, flushed: Lsn, now: Instant) {
        let mut state = self.state();
        let delivered = state.edits;
        state.marks.push_back(Mark {
            at: now,
            committed,
            delivered,
            flushed,
        });
        while state.marks.len() > RATE + 1 {
            state.marks.pop_front();
        }
    }

    /// Rates of the last ten seconds, or of fewer while there were fewer.
    pub fn rates(&self) -> Rates {
        let state = self.state();
        let (Some(first), Some(last)) = (state.marks.front(), state.marks.back()) else {
            return Rates::default();
        };
        let elapsed_ms = (last.at - first.at).as_millis() as u64;
        if elapsed_ms == 0 {
            return Rates::default();
        }
        let rate = |from: u64, to: u64, elapsed_ms: u64| {
            let grown = u128::from(to.saturating_sub(from));
            (grown * 10_000 / u128::from(elapsed_ms.max(1))) as u64
        };
        // Before the feed streams nobody knows where the log ends; another log may begin anywhere.
        let known = state.marks.iter().find(|mark| mark.flushed > Lsn(0));
        let known = known.unwrap_or(last);
        let since_ms = (last.at - known.at).as_millis() as u64;
        Rates {
            committed_10s: rate(first.committed, last.committed, elapsed_ms),
            delivered_10s: rate(first.delivered, last.delivered, elapsed_ms),
            wal_bytes_10s: rate(known.flushed.0, last.flushed.0, since_ms),
        }
    }

    /// The documents with the most edits in the last minute.
    pub fn busiest_documents(&self, most: usize, now: Instant) -> Vec<((Uuid, Uuid), Weight)> {
        self.busiest(|piece| &piece.documents, most, now)
    }

    /// The organisations with the most edits in the last minute.
    pub fn busiest_organisations(&self, most: usize, now: Instant) -> Vec<(Uuid, Weight)> {
        self.busiest(|piece| &piece.organisations, most, now)
    }

    fn busiest<K: Eq + Hash + Copy + Ord>(
        &self,
        of: impl Fn(&Piece) -> &Heavy<K>,
        most: usize,
        now: Instant,
    ) -> Vec<(K, Weight)> {
        let mut state = self.state();
        state.forget(now);
        let mut sums: HashMap<K, Weight> = HashMap::new();
        for (key, weight) in state.pieces.iter().flat_map(|piece| of(piece).weights()) {
            let sum = sums.entry(key).or_default();
            sum.edits += weight.edits;
            sum.bytes += weight.bytes;
        }
        drop(state);
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by_key(|(key, weight)| (std::cmp::Reverse(weight.edits), *key));
        sums.truncate(most);
        sums
    }
}

impl State {
    fn forget(&mut self, now: Instant) {
        let is_old = |piece: &Piece| now.saturating_duration_since(piece.began) >= MINUTE;
        while self.pieces.front().is_some_and(is_old) {
            self.pieces.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Edit;

    fn transaction(edits: &[(u128, u128)]) -> Transaction {
        let edit = |(org_id, document_id): &(u128, u128)| {
            Change::Edit(Edit {
                org_id: Uuid::from_u128(*org_id),
                document_id: Uuid::from_u128(*document_id),
                edit_id: 0,
                account_id: Uuid::nil(),
                session_id: None,
                peer: 1,
                counter_start: 0,
                counter_end: 1,
                update: bytes::Bytes::from_static(b"12345"),
            })
        };
        Transaction {
            xid: 1,
            end_lsn: Lsn(0),
            committed_at_us: 0,
            changes: edits.iter().map(edit).collect(),
        }
    }

    #[test]
    fn the_busiest_of_the_last_minute_are_known_and_older_ones_forgotten() {
        let activity = Activity::default();
        let began = Instant::now();
        activity.hear(&transaction(&[(1, 1), (1, 1), (1, 1)]), began);
        let later = began + Duration::from_secs(30);
        activity.hear(&transaction(&[(1, 2), (2, 3), (2, 3)]), later);
        let documents = activity.busiest_documents(2, later);
        let key = |org, document| (Uuid::from_u128(org), Uuid::from_u128(document));
        assert_eq!(documents[0].0, key(1, 1));
        assert_eq!(documents[1].0, key(2, 3));
        let weight = Weight {
            edits: 4,
            bytes: 20,
        };
        let organisations = activity.busiest_organisations(9, later);
        assert_eq!(organisations[0], (Uuid::from_u128(1), weight));
        let documents = activity.busiest_documents(9, began + MINUTE);
        assert_eq!(documents.len(), 2, "{documents:?}");
        assert_eq!(documents[0].0, key(2, 3));
    }

    #[test]
    fn rates_are_of_ten_seconds_however_long_they_were_looked_at() {
        let activity = Activity::default();
        assert_eq!(activity.rates(), Rates::default());
        let began = Instant::now();
        for second in 0..4 {
            activity.hear(&transaction(&[(1, 1), (1, 2)]), began);
            let now = began + Duration::from_secs(second);
            activity.mark(second * 3, Lsn(1_000 + second * 50), now);
        }
        let rates = Rates {
            committed_10s: 30,
            delivered_10s: 20,
            wal_bytes_10s: 500,
        };
        assert_eq!(activity.rates(), rates);
        // Before the feed streams nobody knows where the log ends.
        let fresh = Activity::default();
        fresh.mark(0, Lsn(0), began);
        fresh.mark(0, Lsn(5_000), began + Duration::from_secs(1));
        assert_eq!(fresh.rates().wal_bytes_10s, 0);
        fresh.mark(0, Lsn(6_000), began + Duration::from_secs(2));
        assert_eq!(fresh.rates().wal_bytes_10s, 10_000);
        // A failover to a log that is shorter is no rate.
        activity.mark(9, Lsn(10), began + Duration::from_secs(5));
        assert_eq!(activity.rates().wal_bytes_10s, 0);
    }
}
