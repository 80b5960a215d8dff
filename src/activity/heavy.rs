//! Which keys weigh most, in bounded memory (Misra and Gries, 1982): of `n` counted in all, what is
//! said of one key is at most `n / (most + 1)` too low, and never too high.

use std::collections::HashMap;
use std::hash::Hash;

/// Edits and bytes of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weight {
    pub edits: u64,
    pub bytes: u64,
}

/// The heaviest keys.
#[derive(Debug)]
pub(super) struct Heavy<K> {
    most: usize,
    weights: HashMap<K, Weight>,
}

impl<K: Eq + Hash + Copy> Heavy<K> {
    /// Holds `most` keys.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            weights: HashMap::new(),
        }
    }

    /// Counts one edit.
    pub fn count(&mut self, key: K, bytes: u64) {
        if let Some(weight) = self.weights.get_mut(&key) {
            weight.edits += 1;
            weight.bytes += bytes;
            return;
        }
        if self.weights.len() < self.most {
            self.weights.insert(key, Weight { edits: 1, bytes });
            return;
        }
        // It takes one from each: whoever has nothing left makes room.
        self.weights.retain(|_, weight| {
            weight.bytes -= weight.bytes / weight.edits;
            weight.edits -= 1;
            weight.edits > 0
        });
    }

    /// All that are held.
    pub fn weights(&self) -> impl Iterator<Item = (K, Weight)> + '_ {
        self.weights.iter().map(|(key, weight)| (*key, *weight))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn a_busy_key_is_never_missed_nor_shown_busier_than_it_is() {
        for seed in 0..50 {
            let mut random = Random::new(seed);
            let (mut heavy, mut true_counts) = (Heavy::new(9), HashMap::<usize, u64>::new());
            let counted = 2_000_u64;
            for _ in 0..counted {
                // Key 0 takes a fifth; the rest is spread over many.
                let key = if random.chance(20) {
                    0
                } else {
                    1 + random.below(500)
                };
                heavy.count(key, 10);
                *true_counts.entry(key).or_default() += 1;
            }
            let held: HashMap<usize, Weight> = heavy.weights().collect();
            assert!(held.len() <= 9, "seed {seed}");
            for (key, weight) in &held {
                assert!(weight.edits <= true_counts[key], "seed {seed}");
                assert_eq!(weight.bytes, weight.edits * 10, "seed {seed}");
            }
            let missing = true_counts[&0] - held.get(&0).map_or(0, |weight| weight.edits);
            assert!(
                missing <= counted / 10,
                "seed {seed}: {missing} are missing"
            );
        }
    }
}
