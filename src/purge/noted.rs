//! Documents whose published pages caches may show as they were, and when it is time to tell them. No
//! I/O; the time is told.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::document::trial::DocKey;

/// After a change so long is waited for more, so that typing costs a request a second.
const DEBOUNCE: Duration = Duration::from_secs(1);
/// How much later each further server does it, in case those before it do not.
const TURN: Duration = Duration::from_secs(5);
/// After a failure the next try waits so long, and twice as long each time,
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// but not longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Documents that are noted at most; more are found in the tables.
const DOCUMENTS: usize = 50_000;
/// Transactions of a document that must be visible before caches are told; of more the newest.
const TRANSACTIONS: usize = 64;

#[derive(Default)]
pub(super) struct Noted {
    documents: HashMap<DocKey, Stand>,
    /// A document was not noted because there were too many.
    is_incomplete: bool,
}

struct Stand {
    due: Instant,
    /// What changed it, by the low 32 bits of the transactions' numbers.
    changes: Vec<u32>,
    failures: u32,
}

impl Noted {
    /// The document changed in this transaction; `None`: at some time.
    pub fn note(&mut self, key: DocKey, xid: Option<u32>, now: Instant) {
        if self.documents.len() >= DOCUMENTS && !self.documents.contains_key(&key) {
            self.is_incomplete = true;
            return;
        }
        let stand = self.documents.entry(key).or_insert_with(|| Stand {
            due: now + DEBOUNCE,
            changes: Vec::new(),
            failures: 0,
        });
        let Some(xid) = xid else { return };
        if stand.changes.last() != Some(&xid) {
            if stand.changes.len() >= TRANSACTIONS {
                stand.changes.remove(0);
            }
            stand.changes.push(xid);
        }
    }

    /// Those that are due by now, those that waited longest first, with what changed them. `turn` says how
    /// many servers are to be given the time to do it before.
    pub fn due(
        &self,
        now: Instant,
        turn: impl Fn(&DocKey) -> u32,
        limit: usize,
    ) -> Vec<(DocKey, Vec<u32>)> {
        let waiting = self.documents.iter().filter(|(_, stand)| stand.due <= now);
        let mut due: Vec<_> = waiting
            .map(|(key, stand)| (stand.due + TURN * turn(key), *key, stand.changes.clone()))
            .filter(|(at, ..)| *at <= now)
            .collect();
        due.sort_unstable_by_key(|(at, key, _)| (*at, *key));
        due.truncate(limit);
        due.into_iter()
            .map(|(_, key, changes)| (key, changes))
            .collect()
    }

    /// Caches know all of these changes, or need not. What changed since is told after another while.
    pub fn settle(&mut self, key: &DocKey, changes: &[u32], now: Instant) {
        let Some(stand) = self.documents.get_mut(key) else {
            return;
        };
        stand.changes.retain(|xid| !changes.contains(xid));
        if stand.changes.is_empty() {
            self.documents.remove(key);
        } else {
            (stand.due, stand.failures) = (now + DEBOUNCE, 0);
        }
    }

    /// They could not be told: later.
    pub fn fail(&mut self, key: &DocKey, now: Instant) {
        if let Some(stand) = self.documents.get_mut(key) {
            let wait = FIRST_WAIT * (1 << stand.failures.min(6));
            stand.due = now + wait.min(LONGEST_WAIT);
            stand.failures += 1;
        }
    }

    /// Whether a document was not noted since this was asked last.
    pub fn take_incomplete(&mut self) -> bool {
        std::mem::take(&mut self.is_incomplete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const KEY: DocKey = DocKey {
        org_id: Uuid::nil(),
        document_id: Uuid::nil(),
    };

    fn due(noted: &Noted, now: Instant) -> Vec<(DocKey, Vec<u32>)> {
        noted.due(now, |_| 0, 10)
    }

    #[test]
    fn typing_costs_a_request_a_second_and_nothing_is_forgotten() {
        let (mut noted, start) = (Noted::default(), Instant::now());
        let (mut told, mut heard) = (Vec::new(), 0);
        for step in 0..100_u32 {
            let now = start + Duration::from_millis(100) * step;
            noted.note(KEY, Some(step), now);
            heard = step;
            for (key, changes) in due(&noted, now) {
                told.push(changes.clone());
                noted.settle(&key, &changes, now);
            }
        }
        assert_eq!(told.len(), 9, "{told:?}");
        let rest = due(&noted, start + Duration::from_secs(12));
        assert_eq!(rest[0].1.last(), Some(&heard));
    }

    #[test]
    fn what_changed_while_caches_were_told_is_told_again() {
        let (mut noted, start) = (Noted::default(), Instant::now());
        noted.note(KEY, Some(1), start);
        let (key, changes) = due(&noted, start + DEBOUNCE).remove(0);
        noted.note(KEY, Some(2), start + DEBOUNCE);
        noted.settle(&key, &changes, start + DEBOUNCE);
        assert_eq!(due(&noted, start + DEBOUNCE), []);
        assert_eq!(due(&noted, start + 2 * DEBOUNCE), [(KEY, vec![2])]);
    }

    #[test]
    fn a_failure_is_tried_again_ever_later() {
        let (mut noted, mut now) = (Noted::default(), Instant::now());
        noted.note(KEY, None, now);
        now += DEBOUNCE;
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(due(&noted, now).len(), 1);
            noted.fail(&KEY, now);
            let wait = Duration::from_secs(wait);
            assert_eq!(due(&noted, now + wait - Duration::from_millis(1)), []);
            now += wait;
        }
    }

    #[test]
    fn another_server_does_it_only_when_the_first_has_not() {
        let (mut noted, start) = (Noted::default(), Instant::now());
        noted.note(KEY, None, start);
        let second = |now| noted.due(now, |_| 1, 10).len();
        assert_eq!(second(start + DEBOUNCE), 0);
        assert_eq!(second(start + DEBOUNCE + TURN), 1);
    }
}
