//! The tree of nodes that makes a page (the data model of loro-prosemirror): how a new one is
//! seeded, and how marks grow.

use super::tree::{Node, insert_children};
use loro::{ExpandType, ExportMode, LoroDoc, LoroList, LoroMap, StyleConfig, StyleConfigMap};

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
