//! Where things stand in a document's plain text.

use std::collections::{HashMap, HashSet};

use loro::cursor::{Cursor, Side};
use loro::{
    Container, ContainerID, ContainerTrait, ID, LoroDoc, LoroList, LoroText, TextDelta, ToJson,
    ValueOrContainer,
};

use super::deeds::deletions;
use crate::document::lines::{Part, lines, lines_of};
use crate::document::model::ATTRIBUTES;
use crate::document::tree::Named;

/// Where things begin in the plain text.
#[derive(Default)]
pub struct Places {
    /// Texts, breaks and empty lines in their order, with their length; a line's end counts to the
    /// last of its parts.
    parts: Vec<(ContainerID, usize)>,
    index: HashMap<ContainerID, usize>,
}

impl Places {
    pub fn of(doc: &LoroDoc) -> Self {
        let mut places = Self::default();
        for (number, line) in lines(doc).into_iter().enumerate() {
            if number > 0 {
                places.end_line();
            }
            places.add(line.node.id(), 0);
            if let Some(ValueOrContainer::Container(attributes)) = line.node.get(ATTRIBUTES) {
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

    pub fn start(&self, container: &ContainerID) -> Option<usize> {
        let index = *self.index.get(container)?;
        Some(self.parts[..index].iter().map(|(_, length)| length).sum())
    }

    pub fn resize(&mut self, container: &ContainerID, length: usize) {
        if let Some(index) = self.index.get(container) {
            self.parts[*index].1 = length;
        }
    }
}

/// Where a character stands in its text; none: it is not there.
pub fn alive(doc: &LoroDoc, text: &LoroText, id: ID) -> Option<usize> {
    let cursor = Cursor::new(Some(id), text.id(), Side::Middle, 0);
    let found = doc.get_cursor_pos(&cursor).ok()?;
    // Of a character that is gone it says where it was.
    let at = found.current.pos;
    let there = text.get_cursor(at, Side::Middle)?.id?;
    (there == id).then_some(at)
}

/// The marks of each character.
pub fn marks(text: &LoroText) -> Vec<Named> {
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
pub fn block_text(
    list: &LoroList,
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
