//! The document model: a page is one sequence of text, so that no change of structure ever writes text
//! again. What a block is stands as marks on the line end that ends it. `docs/model.md` says it in full.

use loro::{
    ContainerID, ContainerType, ExpandType, ExportMode, LoroDoc, LoroText, StyleConfig,
    StyleConfigMap,
};

use super::blocks::{self, Block};
use super::tree::Node;

/// The root map that the server's seed fills: without it a document has not come.
pub const PAGE: &str = "page";
/// Its key for the version of this model.
pub const SCHEMA: &str = "schema";
/// The version of this model; clients are told it when they join.
pub const VERSION: i64 = 2;
/// The root text of the page.
pub const BODY: &str = "body";

/// Ends a block.
pub const END: char = '\n';
/// A line break within a block.
pub const BREAK: char = '\u{2028}';
/// Stands for a thing in a line, which its mark `object` names.
pub const OBJECT: char = '\u{fffc}';
/// The mark of things: on an [`OBJECT`] of one in a line, on an [`END`] of one that is a block.
pub const OBJECT_KEY: &str = "object";

/// Marks on characters, and whether text typed at their end takes part. They mean nothing on an [`END`].
const INLINE: [(&str, ExpandType); 6] = [
    ("bold", ExpandType::After),
    ("italic", ExpandType::After),
    ("underline", ExpandType::After),
    ("strike", ExpandType::After),
    ("code", ExpandType::None),
    ("link", ExpandType::None),
];

/// Marks on an [`END`]; they mean nothing on other characters, so that one mark may go over many blocks.
const BLOCK: [&str; 11] = [
    "type", "level", "list", "checked", "start", "indent", "quote", "lang", "apart", "align", "dir",
];

/// Whether a mark counts on a character. One that is not known counts wherever it stands.
pub fn counts_on(key: &str, character: char) -> bool {
    match character {
        END => !INLINE.iter().any(|(name, _)| *name == key),
        OBJECT => !BLOCK.contains(&key),
        _ => key != OBJECT_KEY && !BLOCK.contains(&key),
    }
}

/// Whether a document of this model has such a root.
pub fn is_root(name: &str, kind: ContainerType) -> bool {
    matches!(
        (name, kind),
        (PAGE, ContainerType::Map) | (BODY, ContainerType::Text)
    )
}

/// Whether a document has come: its seed is there.
pub fn is_seeded(doc: &LoroDoc) -> bool {
    doc.get_map(PAGE).get(SCHEMA).is_some()
}

/// The text of the page.
pub fn body(doc: &LoroDoc) -> LoroText {
    doc.get_text(BODY)
}

/// The name of the page's text.
pub fn body_id() -> ContainerID {
    ContainerID::new_root(BODY, ContainerType::Text)
}

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
    doc.get_map(PAGE)
        .insert(SCHEMA, VERSION)
        .expect("a root map takes a number");
    let mut all = page.to_blocks();
    if all.is_empty() {
        all.push(Block::default());
    }
    blocks::insert(&body(&doc), 0, &all).expect("an empty text takes blocks");
    doc.commit();
    doc.export(ExportMode::all_updates())
        .expect("a fresh document exports")
}

/// Tells Loro how Quire's marks grow. Has no effect on what is written by others.
pub fn configure_text_styles(doc: &LoroDoc) {
    let mut styles = StyleConfigMap::new();
    for (mark, expand) in INLINE {
        styles.insert(mark.into(), StyleConfig { expand });
    }
    doc.config_text_style(styles);
    doc.config_default_text_style(Some(StyleConfig {
        expand: ExpandType::None,
    }));
}
