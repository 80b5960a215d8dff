//! A document's history out of its rows: what it was at any moment, who wrote what stands there, and
//! what each edit did. Functions of rows: no clock but a deadline, and never a live copy that others
//! read. Only `load` asks the database.

mod blame;
mod budget;
mod checkpoints;
mod compare;
mod decoded;
mod deeds;
pub mod instant;
mod load;
mod moment;
mod operations;
mod sheet;

use std::collections::{BTreeSet, HashMap, HashSet};

use bytes::Bytes;
use loro::{ID, LoroDoc, VersionVector};
use uuid::Uuid;

use super::live::{LiveDocument, update_ends};
use super::operations::version_of;
use super::pieces::{Piece, pieces_beyond};
use super::tree::{Node, html, markdown};
use super::update::joined;
use crate::error::{Error, Kind, Result};
use checkpoints::{Checkpoints, operations};

pub use blame::{Span, by_author};
pub use budget::{Budget, Limits};
pub use compare::{Change, Comparison, Difference, Line, Run};
pub use load::{Histories, Opened, read};
pub use moment::{At, Moment, reads_as_moment};
pub use operations::{OperationKind, OperationRow};

/// The edit that stands for all that are folded (`quire.fold`).
pub const FOLDED: i64 = -1;
/// Rows that are imported together.
const JOINED_ROWS: usize = 4_096;

/// One row of `quire.edit`.
#[derive(Debug, Clone)]
pub struct Row {
    pub edit_id: i64,
    /// The author.
    pub account_id: Uuid,
    /// The session that sent it; none: the server itself.
    pub session_id: Option<Uuid>,
    pub peer: u64,
    pub counter_start: i32,
    pub counter_end: i32,
    /// When it was written, by the database's clock: microseconds since 1970.
    pub created_us: i64,
    /// Loro's update.
    pub update: Bytes,
}

/// An edit without its operations, which the history holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub edit_id: i64,
    pub account_id: Uuid,
    pub session_id: Option<Uuid>,
    pub peer: u64,
    pub counter_start: i32,
    pub counter_end: i32,
    /// Microseconds since 1970.
    pub created_us: i64,
}

impl Edit {
    /// Whether it stands for all that are folded.
    pub fn is_folded(&self) -> bool {
        self.edit_id == FOLDED
    }
}

/// The edits whose rows are gone, as one: its time is that of the newest of them.
struct Folded {
    edit: Edit,
    version: VersionVector,
    update: Bytes,
}

/// All edits of a document, in the order in which they were written: by time, then by id.
///
/// The document inside is detached: it holds operations and no text, and every moment is built in a
/// document of its own. So nothing here can spoil what others read.
pub struct History {
    live: LiveDocument,
    edits: Vec<Edit>,
    folded: Option<Folded>,
    /// Places in `edits`, sorted by the counters of their operations.
    by_peer: HashMap<u64, Vec<usize>>,
    known: HashSet<i64>,
    /// Everything, each piece behind what it builds on.
    pieces: Vec<Piece>,
    /// Rows that Loro could not apply; every server leaves out the same ones.
    set_aside: BTreeSet<i64>,
    /// Of all updates.
    bytes: usize,
    checkpoints: Checkpoints,
}

impl History {
    /// Reads rows, in any order. Takes some 4 µs a row.
    ///
    /// # Errors
    /// `TooLarge` beyond the limits of `budget`, `Limited` when its time is over.
    pub fn of(rows: &[Row], budget: &Budget) -> Result<Self> {
        let mut history = Self {
            live: detached()?,
            edits: Vec::new(),
            folded: None,
            by_peer: HashMap::new(),
            known: HashSet::new(),
            pieces: Vec::new(),
            set_aside: BTreeSet::new(),
            bytes: 0,
            checkpoints: Checkpoints::default(),
        };
        history.extend(rows, budget)?;
        Ok(history)
    }

    /// Adds rows; those that it has already change nothing.
    ///
    /// # Errors
    /// As [`History::of`]. `Internal` when Loro panicked at a row that came later than the others:
    /// then the history must be read anew.
    pub fn extend(&mut self, rows: &[Row], budget: &Budget) -> Result<()> {
        let (folds, rows): (Vec<&Row>, Vec<&Row>) =
            rows.iter().partition(|row| row.edit_id == FOLDED);
        let has_fold = !folds.is_empty();
        for fold in folds {
            self.take_fold(fold, budget)?;
        }
        let new = |row: &&Row| !self.known.contains(&row.edit_id);
        let new: Vec<&Row> = rows.into_iter().filter(new).collect();
        if new.is_empty() && !has_fold {
            return Ok(());
        }
        let bytes = self.bytes + new.iter().map(|row| row.update.len()).sum::<usize>();
        budget.allows(self.edits.len() + new.len(), bytes)?;
        if !self.import_joined(&new, budget)? {
            self.import_each(&new, budget)?;
        }
        self.bytes = bytes;
        self.known.extend(new.iter().map(|row| row.edit_id));
        self.edits.extend(new.iter().map(|row| Edit::from(*row)));
        self.edits
            .sort_unstable_by_key(|edit| (edit.created_us, edit.edit_id));
        self.by_peer.clear();
        for (place, edit) in self.edits.iter().enumerate() {
            self.by_peer.entry(edit.peer).or_default().push(place);
        }
        for places in self.by_peer.values_mut() {
            places.sort_by_key(|place| self.edits[*place].counter_start);
        }
        self.pieces = self
            .live
            .read(|doc| pieces_beyond(doc, &VersionVector::default()))?;
        Ok(())
    }

    /// What older edits did. It comes before all others, for they build on it.
    fn take_fold(&mut self, fold: &Row, budget: &Budget) -> Result<()> {
        let bytes = self.bytes + fold.update.len();
        budget.allows(self.edits.len(), bytes)?;
        let imported = self.live.import(&fold.update);
        imported.map_err(|e| Error::caused(Kind::Internal, "read a document's fold", e))?;
        self.bytes = bytes;
        self.folded = Some(Folded {
            edit: Edit::from(fold),
            version: update_ends(&fold.update)?,
            update: fold.update.clone(),
        });
        Ok(())
    }

    /// Imports many rows at a time, which takes a fraction of the time. False: one of them is bad.
    fn import_joined(&mut self, rows: &[&Row], budget: &Budget) -> Result<bool> {
        for rows in rows.chunks(JOINED_ROWS) {
            budget.check()?;
            let together = joined(rows.iter().map(|row| &row.update[..]));
            let imported = together.and_then(|update| self.live.import(&update));
            if imported.is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Imports row by row, and sets aside those that Loro cannot take.
    fn import_each(&mut self, rows: &[&Row], budget: &Budget) -> Result<()> {
        let mut place = 0;
        while place < rows.len() {
            // A panic spoils all of the document.
            if self.live.is_poisoned() {
                if !self.edits.is_empty() {
                    let context = "extend history: Loro panicked at a row";
                    return Err(Error::new(Kind::Internal, context));
                }
                self.live = detached()?;
                if let Some(folded) = &self.folded {
                    self.live.import(&folded.update)?;
                }
                place = 0;
            }
            if place % JOINED_ROWS == 0 {
                budget.check()?;
            }
            let row = rows[place];
            place += 1;
            let is_good = !self.set_aside.contains(&row.edit_id);
            if is_good && self.live.import(&row.update).is_err() {
                self.set_aside.insert(row.edit_id);
            }
        }
        Ok(())
    }

    /// All edits, in the order in which they were written.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// Rows that Loro could not apply.
    pub fn set_aside(&self) -> &BTreeSet<i64> {
        &self.set_aside
    }

    /// Roughly the heap that it takes.
    pub fn heap_bytes(&self) -> usize {
        let edits = self.edits.len() * (size_of::<Edit>() + 3 * size_of::<usize>());
        self.live.bytes() + edits + self.checkpoints.bytes()
    }

    /// Since when the history is there, in microseconds since 1970: what is older is folded. `None`: from the
    /// beginning.
    pub fn kept_since_us(&self) -> Option<i64> {
        self.folded.as_ref().map(|folded| folded.edit.created_us)
    }

    /// The edit that an operation came with; for what is folded the one that stands for all.
    pub fn edit_of(&self, id: ID) -> Option<&Edit> {
        let folded = self.folded.as_ref().filter(|folded| {
            folded
                .version
                .get(&id.peer)
                .is_some_and(|end| id.counter < *end)
        });
        self.row_of(id).or(folded.map(|folded| &folded.edit))
    }

    fn row_of(&self, id: ID) -> Option<&Edit> {
        let places = self.by_peer.get(&id.peer)?;
        let after = places.partition_point(|place| self.edits[*place].counter_start <= id.counter);
        let edit = &self.edits[places[after.checked_sub(1)?]];
        (id.counter < edit.counter_end).then_some(edit)
    }

    /// The document at a moment, in a copy of its own.
    ///
    /// # Errors
    /// `Internal` when Loro cannot build it; `Limited` when the time is over.
    pub fn document_at(&self, at: &At, budget: &Budget) -> Result<LiveDocument> {
        budget.check()?;
        let whole = self.live.version()?;
        let apart = Checkpoints::apart(operations(&whole));
        let (mut copy, mut has) = self.checkpoints.document_before(&at.version)?;
        let mut way = has.clone();
        while !has.includes_vv(&at.version) {
            if way.includes_vv(&whole) {
                let context = "build a moment: the history lacks some of it";
                return Err(Error::new(Kind::Internal, context));
            }
            way = self.live.step(&way, apart)?.unwrap_or(whole.clone());
            // What two versions share has all that it builds on, as each of them has.
            let next = way.intersection(&at.version);
            if let Some(update) = self.live.export_between(&has, &next)? {
                copy.import(&update)
                    .map_err(|error| Error::caused(Kind::Internal, "build a moment", error))?;
            }
            budget.check()?;
            has = next;
            if has == way {
                self.checkpoints.keep(&copy, &has, self.live.bytes())?;
            }
        }
        Ok(copy)
    }

    /// The version vector of frontiers; none: the document has no such version.
    ///
    /// # Errors
    /// `Internal` when the document is poisoned.
    pub fn version_of(&self, ends: &[ID]) -> Result<Option<VersionVector>> {
        self.live.read(|doc| version_of(doc, ends))
    }

    /// The plain text at a moment.
    ///
    /// # Errors
    /// As [`History::document_at`].
    pub fn text_at(&self, at: &At, budget: &Budget) -> Result<String> {
        self.document_at(at, budget)?.text()
    }

    /// The page at a moment; `serde` writes it as JSON.
    ///
    /// # Errors
    /// As [`History::document_at`].
    pub fn page_at(&self, at: &At, budget: &Budget) -> Result<Node> {
        self.document_at(at, budget)?.read(Node::of)
    }

    /// The Markdown at a moment.
    ///
    /// # Errors
    /// As [`History::document_at`].
    pub fn markdown_at(&self, at: &At, budget: &Budget) -> Result<String> {
        Ok(markdown::write(&self.page_at(at, budget)?))
    }

    /// A whole HTML document of a moment, which runs nothing.
    ///
    /// # Errors
    /// As [`History::document_at`].
    pub fn html_at(&self, title: &str, at: &At, budget: &Budget) -> Result<String> {
        Ok(html::html(title, &self.page_at(at, budget)?))
    }
}

impl From<&Row> for Edit {
    fn from(row: &Row) -> Self {
        Self {
            edit_id: row.edit_id,
            account_id: row.account_id,
            session_id: row.session_id,
            peer: row.peer,
            counter_start: row.counter_start,
            counter_end: row.counter_end,
            created_us: row.created_us,
        }
    }
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History")
            .field("edits", &self.edits.len())
            .finish_non_exhaustive()
    }
}

/// A document that takes operations in without making a text of them.
fn detached() -> Result<LiveDocument> {
    let live = LiveDocument::empty();
    live.read(LoroDoc::detach)?;
    Ok(live)
}
