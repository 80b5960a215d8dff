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
pub struct Checkpoints(Mutex<Vec<Checkpoint>>);

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
        let all = self.all();
        let before = all
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
        let mut all = self.all();
        if all.iter().any(|checkpoint| checkpoint.version == *version) {
            return Ok(());
        }
        let snapshot = document.snapshot()?;
        if bytes(&all) + snapshot.len() <= most_bytes {
            all.push(Checkpoint {
                version: version.clone(),
                snapshot,
            });
        }
        Ok(())
    }

    /// Heap of all of them.
    pub fn bytes(&self) -> usize {
        bytes(&self.all())
    }

    fn all(&self) -> MutexGuard<'_, Vec<Checkpoint>> {
        self.0
            .lock()
            .expect("Loro's panics are caught while it holds the checkpoints")
    }
}

fn bytes(all: &[Checkpoint]) -> usize {
    all.iter().map(|checkpoint| checkpoint.snapshot.len()).sum()
}

/// How many operations a version has.
pub fn operations(version: &VersionVector) -> i64 {
    version.values().map(|end| i64::from(*end)).sum()
}
