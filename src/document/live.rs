//! A Loro document that cannot take the process down: every use is guarded, and a document that
//! panicked is poisoned, leaked and rebuilt by its owner, never dropped.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use loro::{ExportMode, Frontiers, ID, IdSpan, LoroDoc, VersionVector};

use super::{blocks, model};
use crate::error::{Error, Kind, Result};

pub use super::update::{UpdateMeta, decode_version, update_ends, update_meta};

/// Heap of an empty document with its caches.
const EMPTY_BYTES: usize = 24 * 1024;
const BYTES_PER_OPERATION: usize = 12;
const BYTES_PER_PEER: usize = 4 * 1024;

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Some operations wait for others that this document has never seen.
    pub pending: bool,
}

/// A live copy. After a panic inside Loro it is poisoned: every call answers `Internal`, and the
/// owner rebuilds it from the snapshot and the tail without the update that did it.
pub struct LiveDocument {
    /// There until it is dropped. Dropping a document that panicked while unwinding aborts the
    /// process; see `Drop`.
    doc: Option<LoroDoc>,
    poisoned: AtomicBool,
    /// Bytes of updates imported since the document was loaded; they stay uncompacted for a while.
    tail_bytes: usize,
}

impl LiveDocument {
    /// A document without history.
    pub fn empty() -> Self {
        let doc = LoroDoc::new();
        model::configure_text_styles(&doc);
        Self {
            doc: Some(doc),
            poisoned: AtomicBool::new(false),
            tail_bytes: 0,
        }
    }

    /// Loads a snapshot, full or shallow.
    ///
    /// # Errors
    /// `Internal` when Loro cannot read it: snapshots are Quire's own.
    pub fn from_snapshot(snapshot: &[u8]) -> Result<Self> {
        let mut document = Self::empty();
        document
            .import(snapshot)
            .map_err(|error| Error::caused(Kind::Internal, "load snapshot", Box::new(error)))?;
        document.tail_bytes = 0;
        Ok(document)
    }

    /// Takes in an update. What is known already changes nothing.
    ///
    /// # Errors
    /// `Invalid` when Loro refuses it: the document is as before. `Internal` when Loro panicked:
    /// the document is poisoned, see [`Self::is_poisoned`].
    pub fn import(&mut self, update: &[u8]) -> Result<Imported> {
        let status = self
            .guarded("import update", |doc| doc.import(update))?
            .map_err(|error| Error::caused(Kind::Invalid, "import update", error))?;
        self.tail_bytes += update.len();
        Ok(Imported {
            pending: status.pending.is_some(),
        })
    }

    /// Everything that the document holds, as counters by peer.
    ///
    /// # Errors
    /// `Internal` when poisoned.
    pub fn version(&self) -> Result<VersionVector> {
        self.guarded("read version", LoroDoc::oplog_vv)
    }

    /// The version as the protocol writes it; the empty one is one zero byte.
    ///
    /// # Errors
    /// `Internal` when poisoned.
    pub fn version_bytes(&self) -> Result<Vec<u8>> {
        Ok(self.version()?.encode())
    }

    /// The counter that the peer's next operation has.
    ///
    /// # Errors
    /// `Internal` when poisoned.
    pub fn next_counter(&self, peer: u64) -> Result<i32> {
        Ok(self.version()?.get(&peer).copied().unwrap_or(0))
    }

    /// The updates that somebody at `version` lacks. Peers that this document does not know are
    /// ignored.
    ///
    /// # Errors
    /// `Internal` when poisoned or when Loro cannot export.
    pub fn export_from(&self, version: &VersionVector) -> Result<Vec<u8>> {
        self.exported("export updates", ExportMode::updates(version))
    }

    /// A version on the way from `from` to this one, not more than about `operations` further, which
    /// has everything that its operations build on. `None` when the rest is not more than that.
    ///
    /// # Errors
    /// `Internal` when poisoned.
    pub fn step(&self, from: &VersionVector, operations: i64) -> Result<Option<VersionVector>> {
        self.guarded("step through versions", |doc| step(doc, from, operations))
    }

    /// The operations that `to` has beyond `from`; `None` when there are none.
    ///
    /// # Errors
    /// `Internal` when poisoned or when Loro cannot export.
    pub fn export_between(
        &self,
        from: &VersionVector,
        to: &VersionVector,
    ) -> Result<Option<Vec<u8>>> {
        let spans: Vec<IdSpan> = to
            .iter()
            .map(|(peer, end)| IdSpan::new(*peer, from.get(peer).copied().unwrap_or(0), *end))
            .filter(|span| span.counter.start < span.counter.end)
            .collect();
        if spans.is_empty() {
            return Ok(None);
        }
        self.exported("export updates", ExportMode::updates_in_range(spans))
            .map(Some)
    }

    /// The operations of one peer between counters.
    ///
    /// # Errors
    /// `Internal` when poisoned or when Loro cannot export.
    pub fn export_range(&self, peer: u64, counters: Range<i32>) -> Result<Vec<u8>> {
        let span = IdSpan::new(peer, counters.start, counters.end);
        self.exported("export updates", ExportMode::updates_in_range(vec![span]))
    }

    /// The whole document, history and state.
    ///
    /// # Errors
    /// `Internal` when poisoned or when Loro cannot export.
    pub fn snapshot(&self) -> Result<Vec<u8>> {
        self.exported("export snapshot", ExportMode::Snapshot)
    }

    /// The whole document as if it had come at once. A copy that took in one edit after another keeps
    /// them so, and whoever loads its snapshot pays for that at the next import: 200 ms where this
    /// one costs 30 µs (20,000 edits of five authors in turns).
    ///
    /// # Errors
    /// `Internal` when poisoned or when Loro cannot export.
    pub fn fold(&self) -> Result<Vec<u8>> {
        let updates = self.exported("export updates", ExportMode::all_updates())?;
        let mut whole = Self::empty();
        match whole.import(&updates) {
            Ok(_) if whole.version()? == self.version()? => whole.snapshot(),
            // It lacks what its history begins with, or Loro does not read its own export.
            _ => self.snapshot(),
        }
    }

    /// The plain text of the page.
    ///
    /// # Errors
    /// `Internal` when poisoned.
    pub fn text(&self) -> Result<String> {
        self.guarded("read text", blocks::plain_text)
    }

    /// A use of the document that this type has no word for; guarded like all others.
    ///
    /// # Errors
    /// `Internal` when poisoned.
    pub fn read<T>(&self, use_document: impl FnOnce(&LoroDoc) -> T) -> Result<T> {
        self.guarded("read document", use_document)
    }

    /// Roughly the heap that the document takes, from counts: for a budget, not for accounting.
    pub fn bytes(&self) -> usize {
        let counts = self.guarded("count", |doc| (doc.len_ops(), doc.oplog_vv().len()));
        let (operations, peers) = counts.unwrap_or_default();
        EMPTY_BYTES + operations * BYTES_PER_OPERATION + peers * BYTES_PER_PEER + self.tail_bytes
    }

    /// Whether Loro panicked in this document, so that it must be rebuilt.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Relaxed)
    }

    fn exported(&self, context: &'static str, mode: ExportMode<'_>) -> Result<Vec<u8>> {
        self.guarded(context, |doc| doc.export(mode))?
            .map_err(|error| Error::caused(Kind::Internal, context, error))
    }

    fn guarded<T>(
        &self,
        context: &'static str,
        use_document: impl FnOnce(&LoroDoc) -> T,
    ) -> Result<T> {
        let Some(doc) = self.doc.as_ref().filter(|_| !self.is_poisoned()) else {
            return Err(Error::new(
                Kind::Internal,
                format!("{context}: the document is poisoned"),
            ));
        };
        // Nothing of the document is used again after a panic, so what it broke is never seen.
        catch_unwind(AssertUnwindSafe(|| use_document(doc))).map_err(|_| {
            self.poisoned.store(true, Ordering::Relaxed);
            Error::new(Kind::Internal, format!("{context}: Loro panicked"))
        })
    }
}

fn step(doc: &LoroDoc, from: &VersionVector, operations: i64) -> Option<VersionVector> {
    let missing: Vec<IdSpan> = doc
        .oplog_vv()
        .iter()
        .map(|(peer, end)| IdSpan::new(*peer, from.get(peer).copied().unwrap_or(0), *end))
        .filter(|span| span.counter.start < span.counter.end)
        .collect();
    let whole: i64 = missing
        .iter()
        .map(|span| i64::from(span.counter.end - span.counter.start))
        .sum();
    if whole <= operations {
        return None;
    }
    let up_to = |peer, counter| {
        let mut version = doc.frontiers_to_vv(&Frontiers::from_id(ID::new(peer, counter)))?;
        version.merge(from);
        Some(version)
    };
    let distance = |version: &VersionVector| -> i64 {
        let reached = |span: &IdSpan| version.get(&span.peer).copied().unwrap_or(0);
        missing
            .iter()
            .map(|span| i64::from((reached(span) - span.counter.start).max(0)))
            .sum()
    };
    // Of some peer the next operation builds on nothing that is missing, so there is always a step.
    let next = missing.iter().min_by_key(|span| {
        up_to(span.peer, span.counter.start).map_or(i64::MAX, |version| distance(&version))
    })?;
    let (mut good, mut end) = (next.counter.start, next.counter.end);
    while end - good > 1 {
        let middle = good + (end - good) / 2;
        let fits = up_to(next.peer, middle).is_some_and(|v| distance(&v) <= operations);
        *(if fits { &mut good } else { &mut end }) = middle;
    }
    up_to(next.peer, good)
}

impl Drop for LiveDocument {
    fn drop(&mut self) {
        let doc = self.doc.take();
        if self.is_poisoned() {
            return std::mem::forget(doc);
        }
        // A drop that panics leaves the rest of the document leaked, which is harmless.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(doc)));
    }
}

impl std::fmt::Debug for LiveDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveDocument")
            .field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}
