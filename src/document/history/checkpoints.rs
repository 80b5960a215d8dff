//! Snapshots on the way from the first operation to the last: a moment is built from the one before it.

use std::sync::{Mutex, MutexGuard};

use loro::VersionVector;

use crate::document::live::LiveDocument;
use crate::error::Result;

/// Fewest operations between two of them.
const APART: i64 = 16_384;
/// How many a long history has.
const MOST: i64 = 16;

/// The checkpoints of one history. They stay right when it grows.
#[derive(Default)]
pub struct Checkpoints(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    all: Vec<Checkpoint>,
    /// The bound at which one did not fit: no further one is written to be thrown away, until there is more room.
    full_at: usize,
}

struct Checkpoint {
    version: VersionVector,
    snapshot: Vec<u8>,
}

impl Checkpoints {
    /// How many operations of a history of so many lie between two.
    pub fn apart(operations: i64) -> i64 {
        APART.max(operations / MOST)
    }

    /// A document on the way to a version, as far as there is a checkpoint; else an empty one.
    ///
    /// # Errors
    /// `Internal` when Loro cannot read the snapshot.
    pub fn document_before(
        &self,
        version: &VersionVector,
    ) -> Result<(LiveDocument, VersionVector)> {
        let kept = self.kept();
        let before = kept
            .all
            .iter()
            .filter(|checkpoint| version.includes_vv(&checkpoint.version))
            .max_by_key(|checkpoint| operations(&checkpoint.version));
        Ok(match before {
            Some(checkpoint) => (
                LiveDocument::from_snapshot(&checkpoint.snapshot)?,
                checkpoint.version.clone(),
            ),
            None => (LiveDocument::empty(), VersionVector::default()),
        })
    }

    /// Keeps a document as a checkpoint, unless it is one or all would take more than `most_bytes`.
    ///
    /// # Errors
    /// `Internal` when Loro cannot write the snapshot.
    pub fn keep(
        &self,
        document: &LiveDocument,
        version: &VersionVector,
        most_bytes: usize,
    ) -> Result<()> {
        let mut kept = self.kept();
        let is_one = kept.all.iter().any(|known| known.version == *version);
        if is_one || most_bytes <= kept.full_at {
            return Ok(());
        }
        let snapshot = document.snapshot()?;
        if kept.bytes() + snapshot.len() <= most_bytes {
            kept.all.push(Checkpoint {
                version: version.clone(),
                snapshot,
            });
        } else {
            kept.full_at = most_bytes;
        }
        Ok(())
    }

    /// Heap of all of them.
    pub fn bytes(&self) -> usize {
        self.kept().bytes()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0
            .lock()
            .expect("Loro's panics are caught while it holds the checkpoints")
    }
}

impl Kept {
    fn bytes(&self) -> usize {
        self.all.iter().map(|known| known.snapshot.len()).sum()
    }
}

/// How many operations a version has.
pub fn operations(version: &VersionVector) -> i64 {
    version.values().map(|end| i64::from(*end)).sum()
}
