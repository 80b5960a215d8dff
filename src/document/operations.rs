//! Changes that a program asks for: text by its place in the plain text, blocks by their number, as
//! Markdown. They are made in a copy at the version that the program has seen, so that everything
//! since then stays as it is. Without I/O.

use std::ops::Range;

use loro::{
    ContainerTrait, ExportMode, Frontiers, ID, IdSpan, LoroDoc, LoroList, LoroText, VersionVector,
};

use super::lines::{Line, Part, blocks, children, lines};
use super::model::{CHILDREN, configure_text_styles};
use super::tree::Node;
use super::undo::undo;
use crate::error::{Error, Kind, Result};

/// Blocks that have text.
const TEXT_BLOCKS: [&str; 3] = ["paragraph", "heading", "codeBlock"];
/// The only block whose text has line ends in it; elsewhere they are nodes.
const CODE: &str = "codeBlock";

/// One change. Places count from 0, in characters (Unicode code points) and in blocks.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Puts a text in the place of others, within one block.
    ReplaceText { place: Range<usize>, text: String },
    /// The same wherever a text occurs within a block.
    FindAndReplace { find: String, text: String },
    /// Puts blocks in the place of others; without a place behind the last.
    ReplaceBlocks {
        place: Option<Range<usize>>,
        blocks: Node,
    },
    /// Makes everything as it was at a version.
    Restore { version: VersionVector },
    /// Takes back what operations did; the peer that does it must have written nothing yet. See
    /// [`undo`](super::undo::undo).
    Undo { spans: Vec<IdSpan> },
}

impl Operation {
    /// Whether only a peer can make it that has written nothing yet.
    pub fn needs_new_peer(&self) -> bool {
        matches!(self, Self::Undo { .. })
    }
}

/// What was made.
#[derive(Debug)]
pub struct Made {
    /// Loro's update of the one peer; empty when nothing changes.
    pub update: Vec<u8>,
    /// The version with it: the base's and this.
    pub version: Frontiers,
}

/// The version vector of a base; `None` when the document has no such version.
pub fn version_of(doc: &LoroDoc, base: &[ID]) -> Option<VersionVector> {
    let known = doc.oplog_vv();
    let mut version = VersionVector::default();
    for id in base {
        if known.get(&id.peer).is_none_or(|end| *end <= id.counter) {
            return None;
        }
        version.merge(&doc.frontiers_to_vv(&Frontiers::from_id(*id))?);
    }
    Some(version)
}

/// Makes the operations one after the other, as `peer`, in a copy of `doc` at `base`.
///
/// # Errors
/// `Invalid`, naming the operation, when one cannot be made; `Internal` when Loro refuses.
pub fn make(
    doc: &LoroDoc,
    base: &VersionVector,
    peer: u64,
    operations: &[Operation],
) -> Result<Made> {
    let copy = match *base == doc.oplog_vv() {
        true => doc.fork(),
        false => doc
            .fork_at(&doc.vv_to_frontiers(base))
            .map_err(failed("fork the document"))?,
    };
    configure_text_styles(&copy);
    copy.set_peer_id(peer).map_err(failed("set the peer"))?;
    for (number, operation) in operations.iter().enumerate() {
        apply(&copy, operation).map_err(|error| match error.kind() {
            Kind::Invalid => Error::new(Kind::Invalid, format!("operations[{number}].{error}")),
            _ => error,
        })?;
    }
    copy.commit();
    let update = match copy.oplog_vv() == *base {
        true => Vec::new(),
        false => copy
            .export(ExportMode::updates(base))
            .map_err(failed("export the edit"))?,
    };
    Ok(Made {
        update,
        version: copy.oplog_frontiers(),
    })
}

fn apply(doc: &LoroDoc, operation: &Operation) -> Result<()> {
    match operation {
        Operation::ReplaceText { place, text } => replace_text(doc, place.clone(), text),
        Operation::FindAndReplace { find, text } => find_and_replace(doc, find, text),
        Operation::ReplaceBlocks { place, blocks } => replace_blocks(doc, place.clone(), blocks),
        Operation::Restore { version } => doc
            .revert_to(&doc.vv_to_frontiers(version))
            .map_err(failed("restore a version")),
        Operation::Undo { spans } => {
            let update = undo(doc, doc.peer_id(), spans)?;
            if !update.is_empty() {
                doc.import(&update)
                    .map_err(failed("take back operations"))?;
            }
            Ok(())
        }
    }
}

fn replace_text(doc: &LoroDoc, place: Range<usize>, text: &str) -> Result<()> {
    let mut start = 0;
    for line in lines(doc) {
        let end = start + line.characters();
        if place.start <= end {
            if place.end > end {
                return Err(invalid(format!(
                    "end: the block that {} is in ends at {end}; use replace_blocks to join or remove blocks",
                    place.start
                )));
            }
            return replace_in_line(&line, place.start - start..place.end - start, text);
        }
        start = end + 1;
    }
    let characters = start.saturating_sub(1);
    Err(invalid(format!(
        "start: the text has {characters} characters"
    )))
}

fn find_and_replace(doc: &LoroDoc, find: &str, text: &str) -> Result<()> {
    let mut is_found = false;
    for line in lines(doc) {
        let whole = line.text();
        let places: Vec<usize> = whole
            .match_indices(find)
            .map(|(byte, _)| whole[..byte].chars().count())
            .collect();
        is_found |= !places.is_empty();
        let length = find.chars().count();
        // From the last to the first, so that the places of the others stay right.
        for place in places.into_iter().rev() {
            replace_in_line(&line, place..place + length, text)?;
        }
    }
    match is_found {
        true => Ok(()),
        false => Err(invalid("find: does not occur in the text")),
    }
}

/// Replaces what stands at a place of a line. The new text looks like the first that it replaces,
/// else like what stands before it.
fn replace_in_line(line: &Line, place: Range<usize>, text: &str) -> Result<()> {
    let name = line.name();
    if text.contains('\r') || (text.contains('\n') && name != CODE) {
        return Err(invalid(
            "text: has a line end; use replace_blocks for several blocks",
        ));
    }
    if line.parts.is_empty() && !TEXT_BLOCKS.contains(&name.as_str()) && !text.is_empty() {
        return Err(invalid(format!(
            "start: the block there, {name}, has no text"
        )));
    }
    let replaced = match text.is_empty() || place.is_empty() {
        true => None,
        false => parts(line).find_map(|(range, part)| match part {
            Part::Text(container) if range.contains(&place.start) => {
                Some((container, place.start - range.start))
            }
            _ => None,
        }),
    };
    if let Some((container, offset)) = replaced {
        // Behind the first of what goes, so that it is within the same marks.
        insert(container, offset + 1, text)?;
        let grown = text.chars().count();
        remove(line, place.start + 1 + grown..place.end + grown)?;
        return remove(line, place.start..place.start + 1);
    }
    remove(line, place.clone())?;
    if text.is_empty() {
        return Ok(());
    }
    // The text that ends there takes it, or the one that begins there.
    let holder = parts(line).find_map(|(range, part)| match part {
        Part::Text(container) if range.start <= place.start && place.start <= range.end => {
            Some((container, place.start - range.start))
        }
        _ => None,
    });
    match holder {
        Some((container, offset)) => insert(container, offset, text),
        None => insert_between(line, place.start, text),
    }
}

/// The parts of a line, and where each stands in it.
fn parts(line: &Line) -> impl Iterator<Item = (Range<usize>, &Part)> {
    let mut at = 0;
    line.parts.iter().map(move |part| {
        let start = at;
        at += part.characters();
        (start..at, part)
    })
}

/// Deletes what stands at a place of a line. What stands behind it must not be asked for afterwards:
/// a break that is gone still counts.
fn remove(line: &Line, place: Range<usize>) -> Result<()> {
    let gone: Vec<_> = parts(line)
        .map(|(range, part)| {
            let (start, end) = (range.start.max(place.start), range.end.min(place.end));
            (
                start.saturating_sub(range.start)..end.saturating_sub(range.start),
                part,
            )
        })
        .filter(|(range, _)| !range.is_empty())
        .collect();
    for (range, part) in gone {
        match part {
            Part::Text(text) => delete(text, range)?,
            Part::Break { node, list } => {
                let index = (0..list.len()).find(|&index| {
                    list.get(index)
                        .and_then(|child| child.into_container().ok())
                        .is_some_and(|child| child.id() == node.id())
                });
                if let Some(index) = index {
                    list.delete(index, 1).map_err(failed("delete a break"))?;
                }
            }
        }
    }
    Ok(())
}

/// Text where none stands: in an empty block, or between breaks.
fn insert_between(line: &Line, place: usize, text: &str) -> Result<()> {
    let list = match children(&line.node) {
        Some(list) => list,
        None => line
            .node
            .insert_container(CHILDREN, LoroList::new())
            .map_err(failed("give the block a list of children"))?,
    };
    let before = parts(line).filter(|(range, _)| range.end <= place).count();
    let container = list
        .insert_container(before.min(list.len()), LoroText::new())
        .map_err(failed("give the block a text"))?;
    insert(&container, 0, text)
}

fn replace_blocks(doc: &LoroDoc, place: Option<Range<usize>>, page: &Node) -> Result<()> {
    let (list, places) = blocks(doc);
    let list = list.ok_or_else(|| Error::new(Kind::Internal, "the document has no blocks"))?;
    let count = places.len();
    let place = place.unwrap_or(count..count);
    if place.end > count {
        let field = if place.start > count { "start" } else { "end" };
        return Err(invalid(format!("{field}: the document has {count} blocks")));
    }
    let mut index = places.get(place.start).copied().unwrap_or(list.len());
    for &gone in places[place.clone()].iter().rev() {
        list.delete(gone, 1).map_err(failed("delete a block"))?;
    }
    for node in page.nodes() {
        node.insert_into(&list, index)
            .map_err(failed("insert a block"))?;
        index += 1;
    }
    if list.is_empty() {
        // A page has a block.
        let empty = Node::new("paragraph", Vec::new());
        let inserted = empty.insert_into(&list, 0);
        inserted.map_err(failed("insert a block"))?;
    }
    Ok(())
}

fn insert(container: &LoroText, place: usize, text: &str) -> Result<()> {
    container
        .insert(place, text)
        .map_err(failed("insert a text"))
}

fn delete(container: &LoroText, place: Range<usize>) -> Result<()> {
    container
        .delete(place.start, place.len())
        .map_err(failed("delete a text"))
}

fn invalid(context: impl Into<String>) -> Error {
    Error::new(Kind::Invalid, context)
}

fn failed<E>(context: &'static str) -> impl FnOnce(E) -> Error
where
    E: std::error::Error + Send + Sync + 'static,
{
    move |error| Error::caused(Kind::Internal, context, error)
}
