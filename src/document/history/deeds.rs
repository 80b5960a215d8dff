//! What was done between two versions, as far as characters that are gone or look otherwise do not
//! tell it themselves: who deleted, and who set a mark.

use std::cell::OnceCell;
use std::collections::HashMap;

use loro::cursor::{Cursor, Side};
use loro::{ID, IdSpan, JsonChange, JsonOpContent, JsonTextOp, LoroDoc, LoroValue, VersionVector};

use super::budget::Budget;
use super::{Edit, History};
use crate::document::model::body_id;
use crate::error::Result;

/// Deeds between two versions.
#[derive(Debug, Default)]
pub struct Deeds {
    /// The operations that were looked at.
    spans: Vec<IdSpan>,
    /// Which operation deleted a character.
    deleted: HashMap<ID, ID>,
    /// Which operations set a mark, by its key.
    set: HashMap<String, Vec<Set>>,
}

#[derive(Debug)]
struct Set {
    by: ID,
    value: LoroValue,
    /// Characters that it went over, and the ends of other marks among them.
    length: usize,
    /// Where it begins, once that was asked for.
    start: OnceCell<Option<usize>>,
}

impl Deeds {
    /// Reads the operations that `to` has beyond `from`.
    ///
    /// # Errors
    /// `Limited` when the time is over.
    pub fn between(
        history: &History,
        from: &VersionVector,
        to: &VersionVector,
        budget: &Budget,
    ) -> Result<Self> {
        let mut deeds = Self {
            spans: spans(from, to),
            ..Self::default()
        };
        for span in deeds.spans.clone() {
            for change in history.changes(span)? {
                budget.check()?;
                deeds.read(change);
            }
        }
        Ok(deeds)
    }

    fn read(&mut self, change: JsonChange) {
        let peer = change.id.peer;
        for op in change.ops {
            let id = ID::new(peer, op.counter);
            match op.content {
                JsonOpContent::Text(JsonTextOp::Delete { len, start_id, .. }) => {
                    for (by, gone) in deletions(id, start_id, len) {
                        self.deleted.entry(gone).or_insert(by);
                    }
                }
                JsonOpContent::Text(JsonTextOp::Mark {
                    start,
                    end,
                    style_key,
                    style_value,
                    ..
                }) => self.set.entry(style_key).or_default().push(Set {
                    by: id,
                    value: style_value,
                    length: end.saturating_sub(start) as usize,
                    start: OnceCell::new(),
                }),
                _ => {}
            }
        }
    }

    /// Whether an operation is one of these.
    pub fn is_in(&self, id: ID) -> bool {
        let mut spans = self.spans.iter();
        spans.any(|span| {
            span.peer == id.peer && (span.counter.start..span.counter.end).contains(&id.counter)
        })
    }

    /// The edit that deleted a character.
    pub fn deleted_by<'h>(&self, history: &'h History, id: Option<ID>) -> Option<&'h Edit> {
        history.edit_of(*self.deleted.get(&id?)?)
    }

    /// The last edit that gave one of the keys its value at a place of the page's text. `doc` has these
    /// operations.
    pub fn set_by<'h>(
        &self,
        history: &'h History,
        doc: &LoroDoc,
        place: usize,
        keys: &[(String, LoroValue)],
    ) -> Option<&'h Edit> {
        // Text that came into it since makes it reach further than it did: then the last before it.
        let mut last: Option<(bool, &Edit)> = None;
        for (key, value) in keys {
            let set = self.set.get(key).into_iter().flatten();
            for set in set.filter(|set| set.value == *value) {
                let start = *set.start.get_or_init(|| place_of_mark(doc, set.by));
                let Some(start) = start.filter(|start| *start <= place) else {
                    continue;
                };
                let covers = place < start + set.length;
                let Some(edit) = history.edit_of(set.by) else {
                    continue;
                };
                let order = |(covers, edit): (bool, &Edit)| (covers, edit.created_us, edit.edit_id);
                if last.is_none_or(|last| order(last) < order((covers, edit))) {
                    last = Some((covers, edit));
                }
            }
        }
        last.map(|(_, edit)| edit)
    }
}

/// Where a mark begins in the page's text.
pub fn place_of_mark(doc: &LoroDoc, mark: ID) -> Option<usize> {
    let cursor = Cursor::new(Some(mark), body_id(), Side::Left, 0);
    doc.with_state(|state| state.get_relative_position(&cursor, false))
}

/// What an operation of deletion deletes: `len` elements, of which `start` is the leftmost. It is
/// negative when each of its steps deleted the one before, as backspace does.
pub fn deletions(by: ID, start: ID, len: i32) -> impl Iterator<Item = (ID, ID)> {
    let count = len.unsigned_abs() as i32;
    (0..count).map(move |step| {
        let offset = if len < 0 { count - 1 - step } else { step };
        (by.inc(step), start.inc(offset))
    })
}

/// What `to` has beyond `from`.
pub fn spans(from: &VersionVector, to: &VersionVector) -> Vec<IdSpan> {
    let mut spans: Vec<IdSpan> = to
        .iter()
        .map(|(peer, end)| IdSpan::new(*peer, from.get(peer).copied().unwrap_or(0), *end))
        .filter(|span| span.counter.start < span.counter.end)
        .collect();
    spans.sort_by_key(|span| (span.peer, span.counter.start));
    spans
}

impl History {
    /// The operations of a span.
    pub(super) fn changes(&self, span: IdSpan) -> Result<Vec<JsonChange>> {
        self.live.read(|doc| doc.export_json_in_id_span(span))
    }
}
