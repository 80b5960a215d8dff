//! Who made which edit when, so that whoever receives it knows how long it took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use loro::VersionRange;

use super::figures::Figures;
use super::trace::Trace;

/// Everything that is about to be written, by peer and counter.
pub struct Journal {
    start: Instant,
    writers: Vec<Writer>,
}

/// One author of the history as a peer of the document.
struct Writer {
    peer: u64,
    /// The counters between its edits: edit `n` goes from `ends[n]` to `ends[n + 1]`.
    ends: Vec<i32>,
    /// When each was made, in nanoseconds since the start.
    made: Vec<AtomicU64>,
}

impl Journal {
    /// `peers` are the authors' peers, each with the counter at which its first edit begins.
    pub fn new(trace: &Trace, peers: &[(u64, i32)]) -> Self {
        let mut writers: Vec<_> = peers
            .iter()
            .map(|&(peer, counter)| Writer {
                peer,
                ends: vec![counter],
                made: Vec::new(),
            })
            .collect();
        for edit in &trace.edits {
            let writer = &mut writers[edit.author];
            let end = writer.ends[writer.made.len()] + edit.operations() as i32;
            writer.ends.push(end);
            writer.made.push(AtomicU64::new(0));
        }
        let start = Instant::now();
        Self { start, writers }
    }

    /// An author's peer.
    pub fn peer(&self, author: usize) -> u64 {
        self.writers[author].peer
    }

    /// The counter after so many edits of an author.
    pub fn counter_after(&self, author: usize, edits: usize) -> i32 {
        self.writers[author].ends[edits]
    }

    /// Each peer with the counter after its last edit.
    pub fn last_counters(&self) -> impl Iterator<Item = (u64, i32)> {
        self.writers
            .iter()
            .map(|writer| (writer.peer, writer.ends[writer.made.len()]))
    }

    /// An author is about to make its edit with that number.
    pub fn made(&self, author: usize, edit: usize) {
        let since = self.start.elapsed().as_nanos() as u64;
        self.writers[author].made[edit].store(since, Ordering::Relaxed);
    }

    /// Adds how long each edit took whose last operation is among those received.
    pub fn received(&self, operations: &VersionRange, at: Instant, figures: &mut Figures) {
        for (peer, &(start, end)) in operations.iter() {
            let Some(writer) = self.writers.iter().find(|writer| writer.peer == *peer) else {
                continue;
            };
            let first = writer.ends[1..].partition_point(|edit_end| *edit_end <= start);
            let last = writer.ends[1..].partition_point(|edit_end| *edit_end <= end);
            for made in &writer.made[first..last] {
                let made = Duration::from_nanos(made.load(Ordering::Relaxed));
                figures.add(at.saturating_duration_since(self.start + made));
            }
        }
    }
}
