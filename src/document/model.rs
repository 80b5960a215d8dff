//! The tree of nodes that makes a page (the data model of loro-prosemirror): how a new one is
//! seeded, how marks grow, and how it reads as plain text.

use super::tree::{Node, insert_children};
use loro::{
    Container, ExpandType, ExportMode, LoroDoc, LoroList, LoroMap, StyleConfig, StyleConfigMap,
    ValueOrContainer,
};

/// The root map of every document.
pub const ROOT: &str = "doc";
/// The node's name, its attributes and its children, in each node's map.
pub const NODE_NAME: &str = "nodeName";
pub const ATTRIBUTES: &str = "attributes";
pub const CHILDREN: &str = "children";

/// Nodes nested deeper than this are not read. The editor's own documents stay below 20.
pub const MAX_DEPTH: usize = 100;

/// Marks and whether text typed at their end takes part.
const MARKS: [(&str, ExpandType); 6] = [
    ("bold", ExpandType::After),
    ("italic", ExpandType::After),
    ("underline", ExpandType::After),
    ("strike", ExpandType::After),
    ("code", ExpandType::None),
    ("link", ExpandType::None),
];

/// Nodes that hold other nodes and have no text of their own: empty, they are no line.
const FRAMES: [&str; 7] = [
    "doc",
    "blockquote",
    "bulletList",
    "orderedList",
    "listItem",
    "taskList",
    "taskItem",
];

/// The first update of a new document: one empty paragraph, written by the server's `peer`.
pub fn seed(peer: u64) -> Vec<u8> {
    seed_with(peer, &Node::page(Vec::new()))
}

/// The first update of a new document that has content from the start.
pub fn seed_with(peer: u64, page: &Node) -> Vec<u8> {
    let doc = LoroDoc::new();
    configure_text_styles(&doc);
    doc.set_peer_id(peer)
        .expect("an empty document takes any peer but the largest number");
    let root = doc.get_map(ROOT);
    let children = write_node(&root, "doc");
    insert_children(&page.children, &children, 0).expect("an attached list takes nodes");
    doc.commit();
    doc.export(ExportMode::all_updates())
        .expect("a fresh document exports")
}

fn write_node(node: &LoroMap, name: &str) -> LoroList {
    node.insert(NODE_NAME, name)
        .and_then(|()| node.insert_container(ATTRIBUTES, LoroMap::new()))
        .and_then(|_| node.insert_container(CHILDREN, LoroList::new()))
        .expect("an attached map takes values and containers")
}

/// Tells Loro how Quire's marks grow. Has no effect on what is written by others.
pub fn configure_text_styles(doc: &LoroDoc) {
    let mut styles = StyleConfigMap::new();
    for (mark, expand) in MARKS {
        styles.insert(mark.into(), StyleConfig { expand });
    }
    doc.config_text_style(styles);
}

/// The page as plain text: each block of text is a line, a hard break too. Nodes that Quire does
/// not know are read like those it knows.
pub fn plain_text(doc: &LoroDoc) -> String {
    let mut text = PlainText::default();
    text.block(&doc.get_map(ROOT), 0);
    text.out
}

#[derive(Default)]
struct PlainText {
    out: String,
    has_line: bool,
}

impl PlainText {
    fn block(&mut self, node: &LoroMap, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let children = children(node);
        if children.iter().any(is_inline) {
            self.start_line();
            for child in &children {
                self.inline(child, depth + 1);
            }
        } else if children.is_empty() {
            let name = name(node);
            if depth > 0 && !FRAMES.contains(&name.as_str()) {
                self.start_line();
            }
        } else {
            for child in &children {
                if let Container::Map(child) = child {
                    self.block(child, depth + 1);
                }
            }
        }
    }

    fn inline(&mut self, child: &Container, depth: usize) {
        match child {
            Container::Text(text) => self.out.push_str(&text.to_string()),
            Container::Map(node) if depth <= MAX_DEPTH => {
                if name(node) == "hardBreak" {
                    self.out.push('\n');
                }
                for child in children(node) {
                    self.inline(&child, depth + 1);
                }
            }
            _ => {}
        }
    }

    fn start_line(&mut self) {
        if self.has_line {
            self.out.push('\n');
        }
        self.has_line = true;
    }
}

/// Text, or a node that only stands within text.
fn is_inline(child: &Container) -> bool {
    match child {
        Container::Text(_) => true,
        Container::Map(node) => name(node) == "hardBreak",
        _ => false,
    }
}

fn name(node: &LoroMap) -> String {
    match node.get(NODE_NAME) {
        Some(ValueOrContainer::Value(loro::LoroValue::String(name))) => name.to_string(),
        _ => String::new(),
    }
}

fn children(node: &LoroMap) -> Vec<Container> {
    let Some(ValueOrContainer::Container(Container::List(list))) = node.get(CHILDREN) else {
        return Vec::new();
    };
    let mut children = Vec::with_capacity(list.len());
    list.for_each(|child| {
        if let ValueOrContainer::Container(container) = child {
            children.push(container);
        }
    });
    children
}
