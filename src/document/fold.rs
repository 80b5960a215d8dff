//! Folds: a document with its edits so far as one stored snapshot, so that opening it reads a short
//! tail. Derived data; losing one loses nothing.

use bytes::Bytes;

use super::load::Position;
use super::trial::DocKey;
use crate::error::Result;
use crate::postgres::{Pool, failed};

const STORE_SNAPSHOT: &str = include_str!("../../sql/store_snapshot.sql");

/// A tail is folded when it is this long, in bytes, and at least half as long as the snapshot: so
/// what folding writes stays in proportion to what was edited.
const TAIL_BYTES: usize = 256 * 1024;
/// A shorter tail that has this many edits is folded too: each costs time when the document opens,
/// a thousand some 30 ms on a busy machine.
const TAIL_EDITS: usize = 1_000;
/// When a document is unloaded, a tail shorter than this in bytes stays as it is.
const UNLOAD_TAIL_BYTES: usize = 16 * 1024;

/// Whether a document that stays open should be folded now.
pub fn is_due(tail_bytes: usize, tail_edits: usize, snapshot_bytes: usize) -> bool {
    (tail_bytes >= TAIL_BYTES || tail_edits >= TAIL_EDITS) && tail_bytes >= snapshot_bytes / 2
}

/// Whether a document that is unloaded should be folded on the way out: a long one not for every few lines.
pub fn is_due_at_unload(tail_bytes: usize, snapshot_bytes: usize) -> bool {
    tail_bytes >= UNLOAD_TAIL_BYTES && tail_bytes >= snapshot_bytes / 8
}

/// Stores a fold that holds every edit visible at `position`, unless a newer one is there, or the log
/// is another one than in `era`: then the fold may hold what the tables have lost.
///
/// # Errors
/// `Unavailable` when the database cannot be asked.
pub async fn store(
    pool: &Pool,
    document: DocKey,
    era: u64,
    position: &Position,
    system_identifier: u64,
    snapshot: &Bytes,
) -> Result<()> {
    let client = pool.get().await.map_err(failed("store snapshot"))?;
    // Asked when the connection is there: it leads to the log of this era, or to the one before.
    if pool.lineage().era() != era {
        return Ok(());
    }
    let statement = client
        .prepare_cached(STORE_SNAPSHOT)
        .await
        .map_err(failed("store snapshot"))?;
    client
        .execute(
            &statement,
            &[
                &document.org_id,
                &document.document_id,
                &position.seen,
                &(system_identifier as i64),
                &&snapshot[..],
            ],
        )
        .await
        .map_err(failed("store snapshot"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of an edit.
    const EDIT: usize = 90;

    /// Bytes of snapshots that are written for so many edits in a document of that size, unloaded after every
    /// `sitting` of them.
    fn written(mut snapshot: usize, edits: usize, sitting: usize) -> usize {
        let (mut tail, mut count, mut written) = (0, 0, 0);
        for number in 1..=edits {
            (tail, count) = (tail + EDIT, count + 1);
            let is_unloaded = number % sitting == 0 && is_due_at_unload(tail, snapshot);
            if is_due(tail, count, snapshot) || is_unloaded {
                snapshot += tail;
                written += snapshot;
                (tail, count) = (0, 0);
            }
        }
        written
    }

    #[test]
    fn what_folding_writes_grows_with_what_was_edited_and_not_with_the_document() {
        for snapshot in [0, 10 << 10, 1 << 20, 50 << 20] {
            for edits in [1_000, 100_000] {
                let at_once = written(snapshot, edits, usize::MAX);
                assert!(at_once <= 3 * edits * EDIT, "{snapshot} {edits}: {at_once}");
                let in_sittings = written(snapshot, edits, 200);
                assert!(
                    in_sittings <= 9 * edits * EDIT,
                    "{snapshot} {edits}: {in_sittings}"
                );
            }
        }
    }
}
