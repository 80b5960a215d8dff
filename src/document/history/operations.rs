//! What each edit did, operation by operation, with its place in the text as it was when the edit was
//! written. The text is built once and then goes from edit to edit.

use std::collections::{HashMap, HashSet};

use loro::cursor::{Cursor, Side};
use loro::{
    Container, ContainerID, ContainerTrait, ID, IdSpan, JsonListOp, JsonMapOp, JsonOp,
    JsonOpContent, JsonTextOp, LoroDoc, LoroText, LoroValue, TextDelta, ToJson,
};
use serde_json::Value;

use super::budget::Budget;
use super::deeds::deletions;
use super::{At, Edit, History, Moment};
use crate::document::lines::{Part, lines, lines_of};
use crate::document::live::LiveDocument;
use crate::document::model::NODE_NAME;
use crate::document::tree::Named;
use crate::error::{Error, Kind, Result};

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
    /// written; not more than `most` rows. Takes some 0.2 ms an edit.
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
        for edit in &self.edits {
            if counter(from, edit) >= edit.counter_end || counter(to, edit) < edit.counter_end {
                continue;
            }
            budget.check()?;
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

/// Where things begin in the plain text.
#[derive(Default)]
struct Places {
    /// Texts, breaks and empty lines in their order, with their length; a line's end counts to the
    /// last of its parts.
    parts: Vec<(ContainerID, usize)>,
    index: HashMap<ContainerID, usize>,
}

impl Replay<'_> {
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

/// What an edit meets.
#[derive(Default)]
struct Before {
    /// The characters that it deletes, with their places; none: gone already, or not yet there.
    gone: HashMap<ID, Option<(usize, char)>>,
    marks: HashMap<ContainerID, Vec<Named>>,
    /// The texts of the blocks that an operation deletes, and where they are.
    blocks: HashMap<i32, (String, Option<usize>)>,
}

struct Reader<'a> {
    doc: &'a LoroDoc,
    places: &'a Places,
    edit: &'a Edit,
    own_deletions: &'a HashSet<ID>,
    before: &'a Before,
    rows: &'a mut Vec<OperationRow>,
}

impl Reader<'_> {
    fn read(&mut self, op: JsonOp) {
        let id = ID::new(self.edit.peer, op.counter);
        match op.content {
            JsonOpContent::Text(JsonTextOp::Insert { text, .. }) => {
                self.inserted(&op.container, id, &text);
            }
            JsonOpContent::Text(JsonTextOp::Delete { len, start_id, .. }) => {
                self.deleted(deletions(id, start_id, len).map(|(_, gone)| gone));
            }
            JsonOpContent::Text(JsonTextOp::Mark {
                style_key,
                style_value,
                ..
            }) => self.marked(&op.container, style_key, &style_value),
            // The other end of a mark.
            JsonOpContent::Text(JsonTextOp::MarkEnd) => {}
            JsonOpContent::List(JsonListOp::Insert { value, .. }) => {
                for (offset, value) in (0..).zip(value) {
                    self.block_inserted(id.inc(offset), &value);
                }
            }
            JsonOpContent::List(JsonListOp::Delete { .. }) => {
                let found = self.before.blocks.get(&op.counter).cloned();
                let (text, position) = found.unwrap_or_default();
                let attributes = named([("action", "delete".into())]);
                self.push(OperationKind::Structure, position, text, attributes);
            }
            JsonOpContent::Map(content) => {
                let (key, value) = match content {
                    JsonMapOp::Insert { key, value } => (key, json_of(&value)),
                    JsonMapOp::Delete { key } => (key, Value::Null),
                };
                let position = self.places.start(&op.container);
                let attributes = named([
                    ("action", "set".into()),
                    ("key", key.into()),
                    ("value", value),
                ]);
                self.push(
                    OperationKind::Structure,
                    position,
                    String::new(),
                    attributes,
                );
            }
            // Quire's documents have nothing else.
            _ => {}
        }
    }

    /// Characters that came, in runs that stand together.
    fn inserted(&mut self, container: &ContainerID, first: ID, text: &str) {
        let loro_text = self.doc.try_get_text(container);
        let start = self.places.start(container);
        let count = text.chars().count() as i32;
        let place = |offset: i32| {
            let id = first.inc(offset);
            let is_there = !self.own_deletions.contains(&id);
            let loro_text = loro_text.as_ref().filter(|_| is_there)?;
            Some(start? + alive(self.doc, loro_text, id)?)
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
            match self.before.gone.get(&id).copied().flatten() {
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

    fn marked(&mut self, container: &ContainerID, key: String, value: &LoroValue) {
        let text = self.doc.try_get_text(container);
        let now = text.as_ref().map(marks).unwrap_or_default();
        let was = self.before.marks.get(container);
        let start = self.places.start(container);
        let attributes = named([(key.as_str(), json_of(value))]);
        let value = attributes.get(&key).filter(|value| !value.is_null());
        let is_new = |at: &usize| {
            now[*at].get(&key) == value && was.and_then(|was| was.get(*at)?.get(&key)) != value
        };
        let mut runs: Vec<(usize, String)> = Vec::new();
        let mut end = None;
        for at in (0..now.len()).filter(is_new) {
            let character = text.as_ref().and_then(|text| text.char_at(at).ok());
            let character = character.unwrap_or_default();
            match runs.last_mut() {
                Some((_, run)) if end == Some(at) => run.push(character),
                _ => runs.push((at, character.to_string())),
            }
            end = Some(at + 1);
        }
        if runs.is_empty() {
            self.push(
                OperationKind::Format,
                None,
                String::new(),
                attributes.clone(),
            );
        }
        for (at, text) in runs {
            let position = start.map(|start| start + at);
            self.push(OperationKind::Format, position, text, attributes.clone());
        }
    }

    fn block_inserted(&mut self, id: ID, value: &LoroValue) {
        let mut attributes = named([("action", "insert".into())]);
        let mut position = None;
        match value {
            LoroValue::Container(_) => {
                let node = ContainerID::new_normal(id, loro::ContainerType::Map);
                if let Some(Container::Map(map)) = self.doc.get_container(node.clone())
                    && let Some(loro::ValueOrContainer::Value(LoroValue::String(name))) =
                        map.get(NODE_NAME)
                {
                    attributes.insert("node".to_owned(), name.to_string().into());
                    position = self.places.start(&node);
                } else {
                    let text = ContainerID::new_normal(id, loro::ContainerType::Text);
                    attributes.insert("node".to_owned(), "text".into());
                    position = self.places.start(&text);
                }
            }
            value => drop(attributes.insert("value".to_owned(), json_of(value))),
        }
        let kind = OperationKind::Structure;
        self.push(kind, position, String::new(), attributes);
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
            text,
            attributes,
        });
    }
}

impl Places {
    fn of(doc: &LoroDoc) -> Self {
        let mut places = Self::default();
        for (number, line) in lines(doc).into_iter().enumerate() {
            if number > 0 {
                places.end_line();
            }
            places.add(line.node.id(), 0);
            if let Some(loro::ValueOrContainer::Container(attributes)) =
                line.node.get(crate::document::model::ATTRIBUTES)
            {
                places.add(attributes.id(), 0);
            }
            for part in &line.parts {
                match part {
                    Part::Text(text) => places.add(text.id(), part.characters()),
                    Part::Break { node, .. } => places.add(node.id(), 1),
                }
            }
        }
        places
    }

    fn add(&mut self, container: ContainerID, length: usize) {
        self.index.insert(container.clone(), self.parts.len());
        self.parts.push((container, length));
    }

    fn end_line(&mut self) {
        // Of no container: lengths of texts change, this one does not.
        let end = ContainerID::new_root("\n", loro::ContainerType::Text);
        self.parts.push((end, 1));
    }

    fn start(&self, container: &ContainerID) -> Option<usize> {
        let index = *self.index.get(container)?;
        Some(self.parts[..index].iter().map(|(_, length)| length).sum())
    }

    fn resize(&mut self, container: &ContainerID, length: usize) {
        if let Some(index) = self.index.get(container) {
            self.parts[*index].1 = length;
        }
    }
}

/// Where a character stands in its text; none: it is not there.
fn alive(doc: &LoroDoc, text: &LoroText, id: ID) -> Option<usize> {
    let cursor = Cursor::new(Some(id), text.id(), Side::Middle, 0);
    let found = doc.get_cursor_pos(&cursor).ok()?;
    // Of a character that is gone it says where it was.
    let at = found.current.pos;
    let there = text.get_cursor(at, Side::Middle)?.id?;
    (there == id).then_some(at)
}

/// The marks of each character.
fn marks(text: &LoroText) -> Vec<Named> {
    let mut all = Vec::new();
    for part in text.to_delta() {
        if let TextDelta::Insert { insert, attributes } = part {
            let named: Named = attributes
                .into_iter()
                .flatten()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key, value.to_json_value()))
                .collect();
            all.extend(insert.chars().map(|_| named.clone()));
        }
    }
    all
}

/// The text of the blocks that a deletion takes, and where the first of them is.
fn block_text(
    list: &loro::LoroList,
    start: ID,
    len: i32,
    places: &Places,
) -> (String, Option<usize>) {
    let gone: HashSet<ID> = deletions(start, start, len).map(|(_, id)| id).collect();
    let mut text = String::new();
    let mut position = None;
    for index in 0..list.len() {
        if !list.get_id_at(index).is_some_and(|id| gone.contains(&id)) {
            continue;
        }
        let Some(Ok(container)) = list.get(index).map(|child| child.into_container()) else {
            continue;
        };
        if let Some(start) = places.start(&container.id()) {
            position = position.or(Some(start));
        }
        match container {
            Container::Text(inner) => text.push_str(&inner.to_string()),
            Container::Map(node) => {
                for (number, line) in lines_of(node).into_iter().enumerate() {
                    if number > 0 {
                        text.push('\n');
                    }
                    if let (None, Some(Part::Text(inner))) = (position, line.parts.first()) {
                        position = places.start(&inner.id());
                    }
                    text.push_str(&line.text());
                }
            }
            _ => {}
        }
    }
    (text, position)
}

/// A value as JSON; a container inside is a name that says nothing, so it is left out.
fn json_of(value: &LoroValue) -> Value {
    match value {
        LoroValue::Container(_) => Value::Null,
        value => value.to_json_value(),
    }
}

fn named<const N: usize>(entries: [(&str, Value); N]) -> Named {
    entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}
