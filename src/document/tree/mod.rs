//! A page apart from Loro: a tree of nodes and runs of text, read out of a document or written into
//! one. Its forms for others stand beside: HTML, Markdown, and JSON by `serde`.

pub mod html;
pub mod link;
pub mod markdown;

use std::collections::BTreeMap;

use loro::{
    Container, LoroDoc, LoroList, LoroMap, LoroResult, LoroText, LoroValue, TextDelta, ToJson,
    ValueOrContainer,
};
use serde::Serialize;
use serde_json::Value;

use super::model::{ATTRIBUTES, CHILDREN, MAX_DEPTH, NODE_NAME, ROOT};

/// The keys that hold the marks of an inline node which is not text: this and the mark's name.
const MARK_PREFIX: &str = "mark:";

/// Attributes of a node, or marks of a text, by their names.
pub type Named = BTreeMap<String, Value>;

/// A block, or something in a line that is not text.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Node {
    pub name: String,
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub attributes: Named,
    /// Only of nodes within a line.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub marks: Named,
    pub children: Vec<Child>,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Child {
    Text(Run),
    Node(Node),
}

/// Text with the same marks throughout; never empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Run {
    pub text: String,
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub marks: Named,
}

impl Node {
    /// A node without attributes.
    pub fn new(name: &str, children: Vec<Child>) -> Self {
        Self {
            name: name.to_owned(),
            children,
            ..Self::default()
        }
    }

    /// A page of these blocks; without any it has an empty paragraph, as a page must have a block.
    pub fn page(mut blocks: Vec<Child>) -> Self {
        if blocks.is_empty() {
            blocks.push(Child::Node(Self::new("paragraph", Vec::new())));
        }
        Self::new(ROOT, blocks)
    }

    /// The page of a document. Nodes nested too deeply are left out, as everywhere.
    pub fn of(doc: &LoroDoc) -> Self {
        read(&doc.get_map(ROOT), 0)
    }

    /// Writes it into a document's list of blocks.
    ///
    /// # Errors
    /// When Loro refuses it: the list is not attached, or the index is not in it.
    pub fn insert_into(&self, list: &LoroList, index: usize) -> LoroResult<()> {
        let map = list.insert_container(index, LoroMap::new())?;
        map.insert(NODE_NAME, self.name.as_str())?;
        let attributes = map.insert_container(ATTRIBUTES, LoroMap::new())?;
        for (name, value) in &self.attributes {
            attributes.insert(name, LoroValue::from(value.clone()))?;
        }
        for (name, value) in &self.marks {
            map.insert(
                &format!("{MARK_PREFIX}{name}"),
                LoroValue::from(value.clone()),
            )?;
        }
        let children = map.insert_container(CHILDREN, LoroList::new())?;
        insert_children(&self.children, &children, 0)?;
        Ok(())
    }

    /// The nodes among its children.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.children.iter().filter_map(|child| match child {
            Child::Node(node) => Some(node),
            Child::Text(_) => None,
        })
    }

    /// Whether it holds what stands in lines, and not blocks.
    pub fn is_line(&self) -> bool {
        self.children.iter().any(|child| match child {
            Child::Text(_) => true,
            Child::Node(node) => node.name == "hardBreak",
        })
    }

    /// A whole number among its attributes.
    pub fn number(&self, name: &str) -> Option<i64> {
        let value = self.attributes.get(name)?;
        // JavaScript's numbers may have come as fractions.
        value
            .as_i64()
            .or_else(|| value.as_f64().map(|number| number as i64))
    }

    /// All text in it, one line of it after another without a mark.
    pub fn all_text(&self) -> String {
        let mut text = String::new();
        for child in &self.children {
            match child {
                Child::Text(run) => text.push_str(&run.text),
                Child::Node(node) if node.name == "hardBreak" => text.push('\n'),
                Child::Node(node) => text.push_str(&node.all_text()),
            }
        }
        text
    }
}

/// Writes children at an index of a list; answers how many entries they take: runs of text that
/// follow each other are one.
///
/// # Errors
/// As [`Node::insert_into`].
pub fn insert_children(children: &[Child], list: &LoroList, index: usize) -> LoroResult<usize> {
    let mut place = index;
    let mut rest = children;
    while let Some(first) = rest.first() {
        match first {
            Child::Node(node) => {
                node.insert_into(list, place)?;
                rest = &rest[1..];
            }
            Child::Text(_) => {
                let (runs, others) = leading_runs(rest);
                let text = list.insert_container(place, LoroText::new())?;
                append_runs(&text, &runs)?;
                rest = others;
            }
        }
        place += 1;
    }
    Ok(place - index)
}

fn leading_runs(children: &[Child]) -> (Vec<&Run>, &[Child]) {
    let runs: Vec<&Run> = children
        .iter()
        .map_while(|child| match child {
            Child::Text(run) => Some(run),
            Child::Node(_) => None,
        })
        .collect();
    let others = &children[runs.len()..];
    (runs, others)
}

/// Adds runs at the end of a text.
///
/// # Errors
/// When Loro refuses it.
pub fn append_runs(text: &LoroText, runs: &[&Run]) -> LoroResult<()> {
    let start = text.len_unicode();
    let whole: String = runs.iter().map(|run| run.text.as_str()).collect();
    text.insert(start, &whole)?;
    // Marks come after all text, so that none of it grows into a run that it does not belong to.
    let mut at = start;
    for run in runs {
        let end = at + run.text.chars().count();
        for (name, value) in &run.marks {
            text.mark(at..end, name, LoroValue::from(value.clone()))?;
        }
        at = end;
    }
    Ok(())
}

fn read(map: &LoroMap, depth: usize) -> Node {
    let mut node = Node::default();
    map.for_each(|key, value| match value {
        ValueOrContainer::Value(value) => match key.strip_prefix(MARK_PREFIX) {
            Some(mark) => drop(node.marks.insert(mark.to_owned(), value.to_json_value())),
            None if key == NODE_NAME => {
                node.name = value
                    .into_string()
                    .map_or_else(|_| String::new(), |s| s.to_string());
            }
            None => {}
        },
        ValueOrContainer::Container(Container::Map(attributes)) if key == ATTRIBUTES => {
            attributes.for_each(|name, value| {
                let value = value.get_deep_value().to_json_value();
                if !value.is_null() {
                    node.attributes.insert(name.to_owned(), value);
                }
            });
        }
        ValueOrContainer::Container(Container::List(children))
            if key == CHILDREN && depth < MAX_DEPTH =>
        {
            children.for_each(|child| match child {
                ValueOrContainer::Container(Container::Map(child)) => {
                    node.children.push(Child::Node(read(&child, depth + 1)));
                }
                ValueOrContainer::Container(Container::Text(text)) => {
                    for run in runs_of(&text) {
                        push_run(&mut node.children, run);
                    }
                }
                _ => {}
            });
        }
        _ => {}
    });
    node
}

/// The runs of a text.
pub fn runs_of(text: &LoroText) -> Vec<Run> {
    let inserts = text.to_delta().into_iter().filter_map(|part| match part {
        TextDelta::Insert { insert, attributes } => Some((insert, attributes)),
        _ => None,
    });
    inserts
        .map(|(text, attributes)| Run {
            text,
            marks: attributes
                .into_iter()
                .flatten()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name, value.to_json_value()))
                .collect(),
        })
        .filter(|run| !run.text.is_empty())
        .collect()
}

/// Adds a run; one with the same marks as the last becomes part of it.
pub fn push_run(children: &mut Vec<Child>, run: Run) {
    match children.last_mut() {
        _ if run.text.is_empty() => {}
        Some(Child::Text(last)) if last.marks == run.marks => last.text.push_str(&run.text),
        _ => children.push(Child::Text(run)),
    }
}
