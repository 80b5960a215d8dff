//! Which child tries what. Organisations are spread over the quick ones, where an update has little time.
//! Whose update took longer, or ended a child, goes to the slow one for a while: there it has the time that
//! it needs, within bounds, and holds up only others like it.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::DocKey;
use super::queue::{Command, Queue};
use crate::metrics::{Counter, Gauge, Metric};

/// How long a document is tried in the slow child after it last took too long in a quick one.
const REST: Duration = Duration::from_secs(600);
/// So many documents of one organisation, and all of it is tried there.
const OF_ONE: usize = 3;
/// Documents that are remembered; of more the one whose rest ends first is forgotten.
const REMEMBERED: usize = 4_096;

static SLOWED: Counter = Counter::new(
    "quire_trials_slowed_total",
    "Times that a document went to the slow child of the trial, because an update took too long or ended a quick one.",
);
static SLOW: Gauge = Gauge::new(
    "quire_trial_slow_documents",
    "Documents that are tried in the slow child now.",
);

/// What this module counts.
pub(super) static METRICS: &[&dyn Metric] = &[&SLOWED, &SLOW];

/// The queues of all children.
#[derive(Debug)]
pub(super) struct Lanes {
    quick: Vec<Arc<Queue>>,
    slow: Arc<Queue>,
    resting: Mutex<Resting>,
    /// Whether there is any: most of the time there is none.
    are_resting: AtomicBool,
}

/// The documents that are tried in the slow child.
#[derive(Debug, Default)]
struct Resting {
    /// Until when.
    documents: HashMap<DocKey, Instant>,
    /// How many each organisation has.
    of_org: HashMap<Uuid, usize>,
    /// When the first rest is over, or earlier.
    next: Option<Instant>,
}

impl Lanes {
    /// So many quick ones and a slow one.
    pub fn new(quick: usize) -> Self {
        Self {
            quick: (0..quick).map(|_| Arc::default()).collect(),
            slow: Arc::default(),
            resting: Mutex::default(),
            are_resting: AtomicBool::new(false),
        }
    }

    pub fn quick(&self) -> &[Arc<Queue>] {
        &self.quick
    }

    pub fn slow(&self) -> &Arc<Queue> {
        &self.slow
    }

    /// The queue of the child that tries a document now.
    pub fn of(&self, doc: DocKey) -> &Queue {
        match self.is_slow(doc, Instant::now()) {
            true => &self.slow,
            false => self.quick_of(doc.org_id),
        }
    }

    fn quick_of(&self, org_id: Uuid) -> &Queue {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(org_id);
        &self.quick[hash as usize % self.quick.len()]
    }

    /// An update of the document, or the document itself, took too long in a quick child, or ended it.
    pub fn slow_down(&self, doc: DocKey, now: Instant) {
        SLOWED.increment();
        let mut resting = self.resting();
        self.forget(resting.put(doc, now + REST));
        SLOW.set(resting.documents.len() as i64);
        self.are_resting.store(true, Ordering::Release);
    }

    fn is_slow(&self, doc: DocKey, now: Instant) -> bool {
        if !self.are_resting.load(Ordering::Acquire) {
            return false;
        }
        let mut resting = self.resting();
        if resting.next.is_some_and(|next| next <= now) {
            self.forget(resting.take_over(now));
            let left = resting.documents.len();
            SLOW.set(left as i64);
            self.are_resting.store(left > 0, Ordering::Release);
        }
        resting.has(doc)
    }

    /// What a child that these organisations' documents come back to may hold of them is not right any more.
    fn forget(&self, organisations: HashSet<Uuid>) {
        for org_id in organisations {
            for queue in [&self.slow, self.quick_of(org_id)] {
                let document_id = Uuid::nil();
                let doc = DocKey {
                    org_id,
                    document_id,
                };
                queue.push(Command::Forget { doc });
            }
        }
    }

    fn resting(&self) -> MutexGuard<'_, Resting> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resting {
    /// Answers whose documents go back to a quick child, or go to the slow one with this.
    fn put(&mut self, doc: DocKey, until: Instant) -> HashSet<Uuid> {
        let mut moved = HashSet::new();
        if self.documents.len() >= REMEMBERED
            && let Some((first, _)) = self.documents.iter().min_by_key(|(_, until)| **until)
        {
            let first = *first;
            self.remove(first);
            moved.insert(first.org_id);
        }
        if self.documents.insert(doc, until).is_none() {
            let count = self.of_org.entry(doc.org_id).or_default();
            *count += 1;
            if *count == OF_ONE {
                moved.insert(doc.org_id);
            }
        }
        self.next = Some(self.next.map_or(until, |next| next.min(until)));
        moved
    }

    /// Ends what is over, and answers whose documents go back to a quick child.
    fn take_over(&mut self, now: Instant) -> HashSet<Uuid> {
        let over = self.documents.iter().filter(|(_, until)| **until <= now);
        let over: Vec<DocKey> = over.map(|(doc, _)| *doc).collect();
        for doc in &over {
            self.remove(*doc);
        }
        self.next = self.documents.values().min().copied();
        over.into_iter().map(|doc| doc.org_id).collect()
    }

    fn remove(&mut self, doc: DocKey) {
        self.documents.remove(&doc);
        if let Some(count) = self.of_org.get_mut(&doc.org_id) {
            *count -= 1;
            if *count == 0 {
                self.of_org.remove(&doc.org_id);
            }
        }
    }

    fn has(&self, doc: DocKey) -> bool {
        self.documents.contains_key(&doc)
            || self
                .of_org
                .get(&doc.org_id)
                .is_some_and(|count| *count >= OF_ONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc(org: u128, document: u128) -> DocKey {
        DocKey {
            org_id: Uuid::from_u128(org),
            document_id: Uuid::from_u128(document),
        }
    }

    #[test]
    fn a_document_that_took_too_long_is_slow_for_a_while_and_with_three_the_organisation() {
        let (lanes, began) = (Lanes::new(2), Instant::now());
        lanes.slow_down(doc(1, 1), began);
        assert!(lanes.is_slow(doc(1, 1), began));
        assert!(!lanes.is_slow(doc(1, 9), began));
        lanes.slow_down(doc(1, 2), began);
        lanes.slow_down(doc(1, 3), began + REST / 2);
        assert!(lanes.is_slow(doc(1, 9), began + REST / 2));
        assert!(!lanes.is_slow(doc(2, 1), began + REST / 2));
        assert!(!lanes.is_slow(doc(1, 9), began + REST), "two are over");
        assert!(lanes.is_slow(doc(1, 3), began + REST));
        assert!(!lanes.is_slow(doc(1, 3), began + REST * 2));
        assert!(!lanes.are_resting.load(Ordering::Relaxed));
        let forgotten = std::iter::from_fn(|| lanes.slow().take()).count();
        assert!(forgotten >= 3, "at each move what is held is forgotten");
    }

    #[test]
    fn of_very_many_the_oldest_are_let_go() {
        let (lanes, began) = (Lanes::new(1), Instant::now());
        for number in 0..REMEMBERED as u128 + 10 {
            let later = began + Duration::from_millis(number as u64);
            lanes.slow_down(doc(number, 1), later);
        }
        assert!(!lanes.is_slow(doc(9, 1), began));
        assert!(lanes.is_slow(doc(10, 1), began));
        assert_eq!(lanes.resting().of_org.len(), REMEMBERED);
    }
}
