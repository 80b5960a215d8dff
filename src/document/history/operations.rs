//! What each edit did, operation by operation, with its place in the text as it was when the edit was
//! written. The text is built once and then goes from edit to edit.

use std::collections::HashSet;

use loro::{ID, IdSpan, JsonListOp, JsonOp, JsonOpContent, JsonTextOp};

use super::budget::Budget;
use super::decoded::{Before, Reader};
use super::deeds::deletions;
use super::places::{Places, alive, block_text, marks};
use super::{At, Edit, History, Moment};
use crate::document::live::LiveDocument;
use crate::document::tree::Named;
use crate::error::{Error, Kind, Result};

/// A document that takes in edit after edit gets slower: 0.07 ms for one at first, 0.7 ms after 90,000. So it is
/// built anew after so many.
const RENEWED: usize = 4_096;

/// What an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// Characters come.
    Insert,
    /// Characters go.
    Delete,
    /// Characters get a mark, or lose it.
    Format,
    /// Blocks come, go, or get a name or an attribute.
    Structure,
}

impl OperationKind {
    /// Its name in SQL and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Delete => "delete",
            Self::Format => "format",
            Self::Structure => "structure",
        }
    }
}

/// One operation of an edit. Operations that touch places which do not follow each other are several
/// of these.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationRow {
    pub edit: Edit,
    pub kind: OperationKind,
    /// In characters of the plain text: of what comes, right after the edit; of what goes, right
    /// before it. None: it is in neither, because the same edit took it away again, or somebody else
    /// had taken away what it is in.
    pub position: Option<usize>,
    /// What comes, goes or is formatted. Empty where it cannot be told: what goes was gone already.
    pub text: String,
    /// The mark with its value (`null`: taken away), or what happens to blocks: `action`, `node`,
    /// `key` and `value`.
    pub attributes: Named,
}

impl History {
    /// The operations of the edits that `to` has and `from` has not, in the order in which they were
    /// written; not more than `most` rows. Takes some 0.1 ms an edit.
    ///
    /// # Errors
    /// As [`History::document_at`]; `TooLarge` when there are more.
    pub fn operations(
        &self,
        from: &At,
        to: &At,
        most: usize,
        budget: &Budget,
    ) -> Result<Vec<OperationRow>> {
        let mut replay = Replay {
            history: self,
            document: self.document_at(from, budget)?,
            places: None,
            rows: Vec::new(),
        };
        let counter = |at: &At, edit: &Edit| at.version.get(&edit.peer).copied().unwrap_or(0);
        let wanted = self.edits.iter().filter(|edit| {
            counter(from, edit) < edit.counter_end && counter(to, edit) >= edit.counter_end
        });
        for (count, edit) in wanted.enumerate() {
            budget.check()?;
            if count % RENEWED == RENEWED - 1 {
                replay.renew(budget)?;
            }
            replay.step(edit)?;
            if replay.rows.len() > most {
                let context = format!("there are more than {most} operations");
                return Err(Error::new(Kind::TooLarge, context));
            }
        }
        Ok(replay.rows)
    }

    /// All operations of one edit.
    ///
    /// # Errors
    /// As [`History::operations`]; `NotFound` when the document has no such edit.
    pub fn operations_of(
        &self,
        edit_id: i64,
        most: usize,
        budget: &Budget,
    ) -> Result<Vec<OperationRow>> {
        let from = self.at(&Moment::Before(edit_id))?;
        let to = self.at(&Moment::Edit(edit_id))?;
        let mut rows = self.operations(&from, &to, most, budget)?;
        rows.retain(|row| row.edit.edit_id == edit_id);
        Ok(rows)
    }
}

struct Replay<'h> {
    history: &'h History,
    document: LiveDocument,
    /// Where texts and blocks begin; none: to be read anew.
    places: Option<Places>,
    rows: Vec<OperationRow>,
}

impl Replay<'_> {
    /// The same document, built anew.
    fn renew(&mut self, budget: &Budget) -> Result<()> {
        let now = At {
            version: self.document.version()?,
            hanging: Vec::new(),
        };
        self.document = self.history.document_at(&now, budget)?;
        Ok(())
    }

    fn step(&mut self, edit: &Edit) -> Result<()> {
        let span = IdSpan::new(edit.peer, edit.counter_start, edit.counter_end);
        let changes = self.history.changes(span)?;
        let operations: Vec<JsonOp> = changes.into_iter().flat_map(|c| c.ops).collect();
        let before = self.before(edit, &operations)?;
        let update = self
            .history
            .live
            .export_range(edit.peer, edit.counter_start..edit.counter_end)?;
        self.document.import(&update)?;
        let is_text = |op: &JsonOp| matches!(op.content, JsonOpContent::Text(_));
        if !operations.iter().all(is_text) {
            self.places = None;
        }
        self.after(edit, operations, before)
    }

    /// What goes, and how texts look, before the edit.
    fn before(&mut self, edit: &Edit, operations: &[JsonOp]) -> Result<Before> {
        let mut before = Before::default();
        let places = Self::places(&mut self.places, &self.document)?;
        self.document.read(|doc| {
            for op in operations {
                match &op.content {
                    JsonOpContent::Text(JsonTextOp::Delete { len, start_id, .. }) => {
                        // None: it was taken away with its block, or the edit makes it.
                        let text = doc.try_get_text(&op.container);
                        let ids = deletions(ID::new(edit.peer, op.counter), *start_id, *len);
                        for (_, id) in ids {
                            let found = text.as_ref().and_then(|text| {
                                let at = alive(doc, text, id)?;
                                let start = places.start(&op.container)?;
                                Some((start + at, text.char_at(at).ok()?))
                            });
                            before.gone.insert(id, found);
                        }
                    }
                    JsonOpContent::Text(JsonTextOp::Mark { .. }) => {
                        let text = doc.try_get_text(&op.container);
                        let marks = text.as_ref().map(marks).unwrap_or_default();
                        before.marks.entry(op.container.clone()).or_insert(marks);
                    }
                    JsonOpContent::List(JsonListOp::Delete { len, start_id, .. }) => {
                        let Some(list) = doc.try_get_list(&op.container) else {
                            continue;
                        };
                        let (text, at) = block_text(&list, *start_id, *len, places);
                        before.blocks.insert(op.counter, (text, at));
                    }
                    _ => {}
                }
            }
        })?;
        Ok(before)
    }

    fn after(&mut self, edit: &Edit, operations: Vec<JsonOp>, before: Before) -> Result<()> {
        for op in &operations {
            if let JsonOpContent::Text(_) = op.content {
                let container = op.container.clone();
                let length = self
                    .document
                    .read(|doc| Some(doc.try_get_text(&container)?.len_unicode()))?;
                if let (Some(places), Some(length)) = (&mut self.places, length) {
                    places.resize(&container, length);
                }
            }
        }
        let places = Self::places(&mut self.places, &self.document)?;
        let own_deletions: HashSet<ID> = before.gone.keys().copied().collect();
        let rows = self.document.read(|doc| {
            let mut rows = Vec::new();
            for op in operations {
                let mut reader = Reader {
                    doc,
                    places,
                    edit,
                    own_deletions: &own_deletions,
                    before: &before,
                    rows: &mut rows,
                };
                reader.read(op);
            }
            rows
        })?;
        self.rows.extend(rows);
        Ok(())
    }

    fn places<'p>(places: &'p mut Option<Places>, document: &LiveDocument) -> Result<&'p Places> {
        if places.is_none() {
            *places = Some(document.read(Places::of)?);
        }
        Ok(places.get_or_insert_default())
    }
}
