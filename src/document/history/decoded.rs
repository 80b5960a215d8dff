//! The operations of one edit as rows.

use std::collections::{HashMap, HashSet};

use loro::{
    Container, ContainerID, ID, JsonListOp, JsonMapOp, JsonOp, JsonOpContent, JsonTextOp, LoroDoc,
    LoroValue, ToJson, ValueOrContainer,
};
use serde_json::Value;

use super::Edit;
use super::deeds::deletions;
use super::operations::{OperationKind, OperationRow};
use super::places::{Places, alive, marks};
use crate::document::model::NODE_NAME;
use crate::document::tree::Named;

/// What an edit meets.
#[derive(Default)]
pub struct Before {
    /// The characters that it deletes, with their places; none: gone already, or not yet there.
    pub gone: HashMap<ID, Option<(usize, char)>>,
    pub marks: HashMap<ContainerID, Vec<Named>>,
    /// The texts of the blocks that an operation deletes, and where they are.
    pub blocks: HashMap<i32, (String, Option<usize>)>,
}

/// Reads operations in the document that has them.
pub struct Reader<'a> {
    pub doc: &'a LoroDoc,
    pub places: &'a Places,
    pub edit: &'a Edit,
    pub own_deletions: &'a HashSet<ID>,
    pub before: &'a Before,
    pub rows: &'a mut Vec<OperationRow>,
}

impl Reader<'_> {
    /// Adds the rows of an operation.
    pub fn read(&mut self, op: JsonOp) {
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
                    && let Some(ValueOrContainer::Value(LoroValue::String(name))) =
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
