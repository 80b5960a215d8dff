//! A document as one row of characters, each with the operation that put it there: what blame and
//! comparisons are made of.

use loro::cursor::Side;
use loro::{ContainerID, ContainerTrait, ID, LoroDoc, LoroMap, LoroText, TextDelta, ToJson};
use loro::{LoroValue, ValueOrContainer};

use super::budget::Budget;
use crate::document::lines::{self, Part};
use crate::document::model::{ATTRIBUTES, NODE_NAME};
use crate::document::tree::Named;
use crate::error::Result;

/// Characters between two looks at the clock.
const STRIDE: usize = 8 * 1024;

/// A block with text.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    pub name: String,
    pub attributes: Named,
    /// The names of the blocks that it stands in, the outermost first.
    pub frames: Vec<String>,
    /// Itself, its attributes, and what it stands in, the innermost first.
    pub containers: Vec<ContainerID>,
}

/// A character, or the beginning of a block, which stands for the line end before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Glyph {
    /// None: a block begins.
    pub character: Option<char>,
    /// The operation that put it there; none for the document's root.
    pub id: Option<ID>,
    /// A place in [`Sheet::blocks`].
    pub block: usize,
    /// A place in [`Sheet::marks`].
    pub marks: usize,
    /// A place in [`Sheet::texts`]; none for what is no text.
    pub text: Option<usize>,
}

/// A document as characters.
#[derive(Debug, Default)]
pub struct Sheet {
    pub glyphs: Vec<Glyph>,
    pub blocks: Vec<Block>,
    pub marks: Vec<Named>,
    pub texts: Vec<ContainerID>,
}

impl Sheet {
    /// Reads a document. Takes some 0.6 µs a character.
    ///
    /// # Errors
    /// `Limited` when the time is over.
    pub fn of(doc: &LoroDoc, budget: &Budget) -> Result<Self> {
        let mut sheet = Self {
            marks: vec![Named::new()],
            ..Self::default()
        };
        for line in lines::lines(doc) {
            sheet.blocks.push(block(doc, &line.node));
            sheet.push(None, id_of(&line.node.id()), 0, None);
            for part in &line.parts {
                match part {
                    Part::Text(text) => sheet.read_text(text, budget)?,
                    Part::Break { node, .. } => sheet.push(Some('\n'), id_of(&node.id()), 0, None),
                }
            }
        }
        Ok(sheet)
    }

    fn push(&mut self, character: Option<char>, id: Option<ID>, marks: usize, text: Option<usize>) {
        self.glyphs.push(Glyph {
            character,
            id,
            block: self.blocks.len() - 1,
            marks,
            text,
        });
    }

    fn read_text(&mut self, text: &LoroText, budget: &Budget) -> Result<()> {
        self.texts.push(text.id());
        let place = Some(self.texts.len() - 1);
        let mut at = 0;
        for part in text.to_delta() {
            let TextDelta::Insert { insert, attributes } = part else {
                continue;
            };
            let named = attributes.into_iter().flatten();
            let named = named.filter(|(_, value)| !value.is_null());
            let marks = self.marks_of(named.map(|(k, v)| (k, v.to_json_value())).collect());
            for character in insert.chars() {
                if at % STRIDE == 0 {
                    budget.check()?;
                }
                let id = text.get_cursor(at, Side::Middle).and_then(|c| c.id);
                self.push(Some(character), id, marks, place);
                at += 1;
            }
        }
        Ok(())
    }

    /// Where these marks stand among those of the document.
    fn marks_of(&mut self, marks: Named) -> usize {
        let known = self.marks.iter().position(|known| *known == marks);
        known.unwrap_or_else(|| {
            self.marks.push(marks);
            self.marks.len() - 1
        })
    }

    /// The containers that a glyph stands in, the innermost first.
    pub fn containers(&self, glyph: &Glyph) -> impl Iterator<Item = &ContainerID> {
        let text = glyph.text.map(|text| &self.texts[text]);
        text.into_iter().chain(&self.blocks[glyph.block].containers)
    }

    /// How it is written in the plain text.
    pub fn written(&self, place: usize) -> Option<char> {
        match self.glyphs[place].character {
            // No line ends before the first.
            None if place == 0 => None,
            None => Some('\n'),
            character => character,
        }
    }
}

fn block(doc: &LoroDoc, node: &LoroMap) -> Block {
    let mut attributes = Named::new();
    let mut containers = vec![node.id()];
    if let Some(ValueOrContainer::Container(loro::Container::Map(map))) = node.get(ATTRIBUTES) {
        containers.push(map.id());
        map.for_each(|name, value| {
            let value = value.get_deep_value().to_json_value();
            if !value.is_null() {
                attributes.insert(name.to_owned(), value);
            }
        });
    }
    let mut frames = Vec::new();
    let path = doc.get_path_to_container(&node.id()).unwrap_or_default();
    for (container, _) in path.iter().rev().skip(1) {
        containers.push(container.clone());
    }
    for (container, _) in &path {
        if *container != node.id() && container.container_type() == loro::ContainerType::Map {
            frames.push(name_of(&doc.get_map(container.clone())));
        }
    }
    Block {
        name: name_of(node),
        attributes,
        frames: frames.into_iter().skip(1).collect(),
        containers,
    }
}

fn name_of(node: &LoroMap) -> String {
    match node.get(NODE_NAME) {
        Some(ValueOrContainer::Value(LoroValue::String(name))) => name.to_string(),
        _ => String::new(),
    }
}

/// The operation that made a container.
fn id_of(container: &ContainerID) -> Option<ID> {
    match container {
        ContainerID::Normal { peer, counter, .. } => Some(ID::new(*peer, *counter)),
        ContainerID::Root { .. } => None,
    }
}
