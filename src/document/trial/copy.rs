//! One staging copy: the document as it will be when everything in the pipe has been committed, and
//! how an update is tried on it.

use loro::{ExportMode, IdSpan, VersionVector};

use super::{Good, Refusal, Verdict};
use crate::document::live::LiveDocument;
use crate::document::update::{UpdateMeta, update_meta};
use crate::error::Result;

/// A staging copy.
pub struct Copy {
    live: LiveDocument,
    /// Everything in it.
    staged: VersionVector,
    /// What of it came out of the feed.
    durable: VersionVector,
    is_spoiled: bool,
    is_poisoned: bool,
    submits: u32,
    bytes: usize,
}

impl Copy {
    /// Loads a snapshot; everything in it is durable. The error says whether Loro panicked.
    pub fn load(snapshot: &[u8]) -> Result<Self, bool> {
        let live = LiveDocument::from_snapshot(snapshot).map_err(|_| true)?;
        let version = live.version().map_err(|_| true)?;
        Ok(Self {
            bytes: live.bytes() + snapshot.len(),
            live,
            durable: version.clone(),
            staged: version,
            is_spoiled: false,
            is_poisoned: false,
            submits: 0,
        })
    }

    /// Roughly the heap that it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the copy must not be used again.
    pub fn is_spoiled(&self) -> bool {
        self.is_spoiled || self.is_poisoned
    }

    pub fn has_panicked(&self) -> bool {
        self.is_poisoned
    }

    /// An update came out of the feed: usually one that was tried here.
    pub fn committed(&mut self, update: &[u8]) {
        let Ok(meta) = update_meta(update) else {
            // The log holds a row that no trial let through: somebody else's copy decides.
            self.is_spoiled = true;
            return;
        };
        if meta.counter_end > counter(&self.staged, meta.peer) {
            if self.live.import(update).is_err() {
                self.spoil();
                return;
            }
            self.staged.insert(meta.peer, meta.counter_end);
        }
        if meta.counter_end > counter(&self.durable, meta.peer) {
            self.durable.insert(meta.peer, meta.counter_end);
        }
    }

    /// Tries an update; a good one stays in the copy.
    pub fn submit(&mut self, update: &[u8]) -> Verdict {
        let Ok(meta) = update_meta(update) else {
            return Verdict::Refused(Refusal::Malformed);
        };
        let staged = counter(&self.staged, meta.peer);
        if meta.counter_end <= counter(&self.durable, meta.peer) {
            return Verdict::Known { durable: true };
        }
        if meta.counter_end <= staged {
            return Verdict::Known { durable: false };
        }
        if meta.counter_start < staged {
            return Verdict::Refused(Refusal::Overlap);
        }
        if meta.counter_start > staged {
            return Verdict::MissingDependencies;
        }
        let verdict = self.try_import(update, meta).unwrap_or_else(|_| {
            self.spoil();
            Verdict::Refused(Refusal::Harmful)
        });
        if let Verdict::Good(_) = verdict {
            self.staged.insert(meta.peer, meta.counter_end);
            self.bytes += 2 * update.len();
            self.submits += 1;
            if self.submits % 1024 == 0 {
                self.bytes = self.bytes.max(self.live.bytes());
            }
        }
        verdict
    }

    fn try_import(&mut self, update: &[u8], meta: UpdateMeta) -> Result<Verdict> {
        if self.live.import(update)?.pending {
            self.is_spoiled = true;
            return Ok(Verdict::MissingDependencies);
        }
        let span = IdSpan::new(meta.peer, meta.counter_start, meta.counter_end);
        let again = self
            .live
            .read(|doc| doc.export(ExportMode::updates_in_range(vec![span])))?;
        if again.is_err() {
            self.is_spoiled = true;
            return Ok(Verdict::Refused(Refusal::Harmful));
        }
        Ok(Verdict::Good(Good {
            peer: meta.peer,
            counter_start: meta.counter_start,
            counter_end: meta.counter_end,
            inserted: 0,
            deleted: 0,
        }))
    }

    fn spoil(&mut self) {
        self.is_spoiled = true;
        self.is_poisoned |= self.live.is_poisoned();
    }
}

fn counter(version: &VersionVector, peer: u64) -> i32 {
    version.get(&peer).copied().unwrap_or(0)
}
