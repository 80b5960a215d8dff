//! What one statement commits: runs of edits that follow each other share one update of their
//! peer's row. Pure; the lane does the talking.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Edit, Waiting};

/// Consecutive edits of one peer under one lease.
pub(super) struct Run {
    pub waiting: Vec<Waiting>,
}

impl Run {
    pub fn first(&self) -> &Edit {
        &self.waiting[0].edit
    }

    pub fn counter_end(&self) -> i32 {
        self.waiting[self.waiting.len() - 1].edit.counter_end
    }
}

/// Sorts what waits into runs. What cannot follow its peer's run in this batch (sent twice, a gap)
/// is returned to be tried in the next one, in its order.
pub(super) fn runs(waiting: Vec<Waiting>) -> (Vec<Run>, Vec<Waiting>) {
    let mut runs: Vec<Run> = Vec::new();
    let mut of_peer: HashMap<(Uuid, Uuid, u64), usize> = HashMap::new();
    let mut later = Vec::new();
    let mut held_back = std::collections::HashSet::new();
    for item in waiting {
        let edit = &item.edit;
        let key = (edit.org_id, edit.document_id, edit.peer);
        if held_back.contains(&key) {
            later.push(item);
            continue;
        }
        match of_peer.get(&key) {
            None => {
                of_peer.insert(key, runs.len());
                runs.push(Run {
                    waiting: vec![item],
                });
            }
            Some(&index) if follows(&runs[index], edit) => runs[index].waiting.push(item),
            Some(_) => {
                held_back.insert(key);
                later.push(item);
            }
        }
    }
    // Every batch locks the peers' rows in the same order, so two batches cannot wait for each other.
    runs.sort_by_key(|run| {
        let edit = run.first();
        (edit.org_id, edit.document_id, edit.peer)
    });
    (runs, later)
}

fn follows(run: &Run, edit: &Edit) -> bool {
    let first = run.first();
    first.lease_id == edit.lease_id
        && first.era == edit.era
        && first.session_id == edit.session_id
        && run.counter_end() == edit.counter_start
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::sync::Arc;
    use tokio::sync::{Semaphore, oneshot};

    fn waiting(document: u128, peer: u64, counters: std::ops::Range<i32>) -> Waiting {
        let edit = Edit {
            org_id: Uuid::nil(),
            document_id: Uuid::from_u128(document),
            peer,
            session_id: Uuid::nil(),
            lease_id: Uuid::nil(),
            era: 0,
            counter_start: counters.start,
            counter_end: counters.end,
            inserted: 0,
            deleted: 0,
            update: Bytes::new(),
            way: None,
        };
        Waiting {
            edit,
            answer: oneshot::channel().0,
            _share: Arc::new(Semaphore::new(1))
                .try_acquire_owned()
                .expect("it is free"),
        }
    }

    #[test]
    fn edits_that_follow_each_other_share_a_run() {
        let (runs, later) = runs(vec![
            waiting(2, 7, 0..3),
            waiting(1, 7, 5..6),
            waiting(2, 7, 3..4),
            waiting(2, 8, 0..1),
        ]);
        let shape: Vec<_> = runs
            .iter()
            .map(|r| {
                (
                    r.first().document_id.as_u128(),
                    r.first().peer,
                    r.waiting.len(),
                )
            })
            .collect();
        assert_eq!(shape, [(1, 7, 1), (2, 7, 2), (2, 8, 1)]);
        assert!(later.is_empty());
    }

    #[test]
    fn what_was_sent_twice_waits_for_the_next_batch_with_all_that_follows_it() {
        let (runs, later) = runs(vec![
            waiting(1, 7, 0..3),
            waiting(1, 7, 0..3),
            waiting(1, 7, 3..4),
        ]);
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].waiting.len(), 1);
        let starts: Vec<_> = later.iter().map(|w| w.edit.counter_start).collect();
        assert_eq!(starts, [0, 3]);
    }

    #[test]
    fn nothing_is_lost_or_doubled_and_a_peers_edits_keep_their_order() {
        for seed in 0..500 {
            let mut random = crate::random::Random::new(seed);
            let mut ends = [[0; 3]; 3];
            let waits: Vec<Waiting> = (0..random.below(40))
                .map(|number| {
                    let (document, peer) = (random.below(3), random.below(3));
                    let end = &mut ends[document][peer];
                    // Now and then a gap, or something that was sent before.
                    let start = (*end + *random.pick(&[0, 0, 0, 0, 1, -1])).max(0);
                    *end = start + 1;
                    let mut one = waiting(document as u128, peer as u64, start..start + 1);
                    one.edit.inserted = number as i32;
                    one
                })
                .collect();
            let count = waits.len();
            let mut left = waits;
            let mut taken: HashMap<(Uuid, u64), Vec<i32>> = HashMap::new();
            let mut batches = 0;
            while !left.is_empty() {
                let (runs, later) = runs(left);
                assert!(!runs.is_empty(), "seed {seed}: a batch takes something");
                let keys: Vec<_> = runs
                    .iter()
                    .map(|run| (run.first().document_id, run.first().peer))
                    .collect();
                assert!(
                    keys.is_sorted(),
                    "seed {seed}: rows are locked in one order"
                );
                for run in runs {
                    let edits = run.waiting.iter().map(|one| &one.edit);
                    let follow = |pair: &[&Edit]| pair[0].counter_end == pair[1].counter_start;
                    assert!(
                        edits.clone().collect::<Vec<_>>().windows(2).all(follow),
                        "seed {seed}"
                    );
                    let key = (run.first().document_id, run.first().peer);
                    taken
                        .entry(key)
                        .or_default()
                        .extend(edits.map(|edit| edit.inserted));
                }
                left = later;
                batches += 1;
                assert!(batches <= count, "seed {seed}: it comes to an end");
            }
            assert_eq!(
                taken.values().map(Vec::len).sum::<usize>(),
                count,
                "seed {seed}"
            );
            assert!(
                taken
                    .values()
                    .all(|of_peer| of_peer.is_sorted_by(|a, b| a < b)),
                "seed {seed}"
            );
        }
    }
}
