//! A page as others have it: a tree of nodes and runs of text, in which lists hold items and quotes hold
//! blocks. Its forms stand beside: HTML, Markdown, and JSON by `serde`.

mod flat;
pub mod html;
pub mod link;
pub mod markdown;

use std::collections::BTreeMap;

use loro::LoroDoc;
use serde::Serialize;
use serde_json::Value;

use super::blocks::Block;

/// The name of a page's own node.
const PAGE: &str = "doc";

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
        Self::new(PAGE, blocks)
    }

    /// The page of a document.
    pub fn of(doc: &LoroDoc) -> Self {
        Self::page(flat::nested(&super::blocks::read(doc)))
    }

    /// The blocks that it is written as.
    pub fn to_blocks(&self) -> Vec<Block> {
        flat::flattened(self)
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

/// Adds a run; one with the same marks as the last becomes part of it.
pub fn push_run(children: &mut Vec<Child>, run: Run) {
    match children.last_mut() {
        _ if run.text.is_empty() => {}
        Some(Child::Text(last)) if last.marks == run.marks => last.text.push_str(&run.text),
        _ => children.push(Child::Text(run)),
    }
}
