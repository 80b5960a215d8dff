//! The operations of one edit as rows.

use std::collections::HashMap;

use loro::cursor::{Cursor, PosType, Side};
use loro::{
    ContainerTrait, ID, JsonMapOp, JsonOp, JsonOpContent, JsonTextOp, LoroDoc, LoroText, LoroValue,
    ToJson,
};
use serde_json::Value;

use super::Edit;
use super::deeds::{deletions, place_of_mark};
use super::operations::{OperationKind, OperationRow};
use super::sheet::written;
use crate::document::blocks::pieces;
use crate::document::model::{END, body, counts_on};
use crate::document::tree::Named;

/// The characters that an edit deletes, with their places; none: gone already, or not yet there.
pub type Gone = HashMap<ID, Option<(usize, char)>>;

/// Reads operations in the document that has them.
pub struct Reader<'a> {
    doc: &'a LoroDoc,
    text: LoroText,
    edit: &'a Edit,
    gone: &'a Gone,
    rows: Vec<OperationRow>,
}

impl<'a> Reader<'a> {
    pub fn new(doc: &'a LoroDoc, edit: &'a Edit, gone: &'a Gone) -> Self {
        Self {
            doc,
            text: body(doc),
            edit,
            gone,
            rows: Vec::new(),
        }
    }

    /// The rows of all that was read.
    pub fn into_rows(self) -> Vec<OperationRow> {
        self.rows
    }

    /// Adds the rows of an operation.
    pub fn read(&mut self, op: JsonOp) {
        let id = ID::new(self.edit.peer, op.counter);
        match op.content {
            JsonOpContent::Text(JsonTextOp::Insert { text, .. }) => self.inserted(id, &text),
            JsonOpContent::Text(JsonTextOp::Delete { len, start_id, .. }) => {
                self.deleted(deletions(id, start_id, len).map(|(_, gone)| gone));
            }
            JsonOpContent::Text(JsonTextOp::Mark {
                start,
                end,
                style_key,
                style_value,
                ..
            }) => self.marked(
                id,
                end.saturating_sub(start) as usize,
                style_key,
                &style_value,
            ),
            JsonOpContent::Map(content) => {
                let (key, value) = match content {
                    JsonMapOp::Insert { key, value } => (key, value.to_json_value()),
                    JsonMapOp::Delete { key } => (key, Value::Null),
                };
                let attributes = Named::from([(key, value)]);
                self.push(OperationKind::Object, None, String::new(), attributes);
            }
            // The other end of a mark. Quire's documents have nothing else.
            _ => {}
        }
    }

    /// Characters that came, in runs that stand together.
    fn inserted(&mut self, first: ID, text: &str) {
        let count = text.chars().count() as i32;
        let place = |offset: i32| {
            let id = first.inc(offset);
            let is_there = !self.gone.contains_key(&id);
            is_there.then(|| alive(self.doc, &self.text, id)).flatten()
        };
        let (head, tail) = (place(0), place(count - 1));
        let mut runs: Vec<(Option<usize>, String)> = Vec::new();
        if let (Some(head), Some(tail)) = (head, tail)
            && tail == head + count as usize - 1
        {
            runs.push((Some(head), text.to_owned()));
        } else {
            let mut last: Option<usize> = None;
            for (offset, character) in (0..).zip(text.chars()) {
                let at = place(offset);
                match runs.last_mut() {
                    Some((_, run)) if at == last.map(|last| last + 1) => run.push(character),
                    _ => runs.push((at, character.to_string())),
                }
                last = at;
            }
        }
        for (position, text) in runs {
            self.push(OperationKind::Insert, position, text, Named::new());
        }
    }

    /// Characters that went, in runs that stood together.
    fn deleted(&mut self, ids: impl Iterator<Item = ID>) {
        let mut found: Vec<(usize, char)> = Vec::new();
        let mut is_any_lost = false;
        for id in ids {
            match self.gone.get(&id).copied().flatten() {
                Some(found_at) => found.push(found_at),
                None => is_any_lost = true,
            }
        }
        found.sort_unstable();
        let mut runs: Vec<(usize, String)> = Vec::new();
        let mut end = None;
        for (at, character) in found {
            match runs.last_mut() {
                Some((_, run)) if end == Some(at) => run.push(character),
                _ => runs.push((at, character.to_string())),
            }
            end = Some(at + 1);
        }
        for (position, text) in runs {
            self.push(OperationKind::Delete, Some(position), text, Named::new());
        }
        if is_any_lost {
            self.push(OperationKind::Delete, None, String::new(), Named::new());
        }
    }

    /// What a mark went over and has its value now: of one of blocks their texts, from the first on.
    fn marked(&mut self, id: ID, length: usize, key: String, value: &LoroValue) {
        let kind = match counts_on(&key, 'a') {
            true => OperationKind::Format,
            false => OperationKind::Block,
        };
        let value = value.to_json_value();
        let found = place_of_mark(self.doc, id).and_then(|start| {
            let end = (start + length).min(self.text.len_unicode());
            let covered = self.text.slice_delta(start, end, PosType::Unicode).ok()?;
            let (mut first, mut last) = (None, None);
            let mut at = start;
            'all: for (part, marks) in pieces(covered) {
                let has_it = marks.get(&key).unwrap_or(&Value::Null) == &value;
                for character in part.chars() {
                    if counts_on(&key, character) {
                        if !has_it {
                            break 'all;
                        }
                        first = first.or(Some(at));
                        last = Some(at + 1);
                    }
                    at += 1;
                }
            }
            Some((first?, last?))
        });
        let attributes = Named::from([(key, value)]);
        let Some((mut first, last)) = found else {
            return self.push(kind, None, String::new(), attributes);
        };
        while kind == OperationKind::Block
            && first > 0
            && self.text.char_at(first - 1).is_ok_and(|c| c != END)
        {
            first -= 1;
        }
        let text = self.text.slice(first, last).unwrap_or_default();
        self.push(kind, Some(first), text, attributes);
    }

    fn push(
        &mut self,
        kind: OperationKind,
        position: Option<usize>,
        text: String,
        attributes: Named,
    ) {
        self.rows.push(OperationRow {
            edit: self.edit.clone(),
            kind,
            position,
            text: text.chars().map(written).collect(),
            attributes,
        });
    }
}

/// The characters that operations of a peer delete, as they stand before it.
pub fn going(doc: &LoroDoc, peer: u64, operations: &[JsonOp]) -> Gone {
    let text = body(doc);
    let mut gone = Gone::new();
    for op in operations {
        if let JsonOpContent::Text(JsonTextOp::Delete { len, start_id, .. }) = &op.content {
            for (_, id) in deletions(ID::new(peer, op.counter), *start_id, *len) {
                let place = alive(doc, &text, id);
                let found = place.and_then(|at| Some((at, text.char_at(at).ok()?)));
                gone.insert(id, found);
            }
        }
    }
    gone
}

/// Where a character stands in the page's text; none: it is not there.
fn alive(doc: &LoroDoc, text: &LoroText, id: ID) -> Option<usize> {
    let cursor = Cursor::new(Some(id), text.id(), Side::Middle, 0);
    let at = doc.with_state(|state| state.get_relative_position(&cursor, false))?;
    let there = text.get_cursor(at, Side::Middle)?.id?;
    (there == id).then_some(at)
}
