//! Changes that a program asks for: text by its place in the plain text, blocks by their number, as
//! Markdown. They are made in a copy at the version that the program has seen, so that everything
//! since then stays as it is. Without I/O.

use std::ops::Range;

use loro::cursor::PosType;
use loro::{ExportMode, Frontiers, ID, IdSpan, LoroDoc, LoroText, VersionVector};

use super::blocks::{Block, counted, insert, insert_text, pieces, set_marks};
use super::model::{BREAK, END, body, configure_text_styles};
use super::tree::{Named, Node};
use super::undo;
use crate::error::{Error, Kind, Result};

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
    /// [`undo`](super::undo::apply).
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
        Operation::Undo { spans } => undo::apply(doc, spans),
    }
}

/// A block's text as a place in the page's: without its end.
struct Line {
    place: Range<usize>,
    text: Vec<char>,
}

/// The blocks' texts; a break within one is a line end, as in the plain text.
fn lines(doc: &LoroDoc) -> Vec<Line> {
    let text: Vec<char> = body(doc).to_string().chars().collect();
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split(|c| *c == END) {
        let end = start + line.len();
        if start > 0 && start == text.len() {
            // Behind the last end stands nothing.
            break;
        }
        let as_shown = line.iter().map(|c| if *c == BREAK { '\n' } else { *c });
        lines.push(Line {
            place: start..end,
            text: as_shown.collect(),
        });
        start = end + 1;
    }
    lines
}

fn replace_text(doc: &LoroDoc, place: Range<usize>, text: &str) -> Result<()> {
    let lines = lines(doc);
    let Some(line) = lines.iter().find(|line| place.start <= line.place.end) else {
        let characters = lines.last().map_or(0, |line| line.place.end);
        return Err(invalid(format!(
            "start: the text has {characters} characters"
        )));
    };
    if place.end > line.place.end {
        return Err(invalid(format!(
            "end: the block that {} is in ends at {}; use replace_blocks to join or remove blocks",
            place.start, line.place.end
        )));
    }
    replace_in(doc, line, place, text)
}

fn find_and_replace(doc: &LoroDoc, find: &str, text: &str) -> Result<()> {
    let find: Vec<char> = find.chars().collect();
    let mut is_found = false;
    // From the last to the first, so that the places of the others stay right.
    for line in lines(doc).iter().rev() {
        let mut places = Vec::new();
        let mut at = 0;
        while at + find.len() <= line.text.len() {
            if line.text[at..].starts_with(&find) {
                places.push(line.place.start + at);
                at += find.len();
            } else {
                at += 1;
            }
        }
        is_found |= !places.is_empty();
        for place in places.into_iter().rev() {
            replace_in(doc, line, place..place + find.len(), text)?;
        }
    }
    match is_found {
        true => Ok(()),
        false => Err(invalid("find: does not occur in the text")),
    }
}

/// Replaces what stands at a place of a block. The new text looks like the first that it replaces, else
/// like what stands before it.
fn replace_in(doc: &LoroDoc, line: &Line, place: Range<usize>, text: &str) -> Result<()> {
    let body = body(doc);
    let keys = keys_at(&body, line.place.end)?;
    let block = Block {
        keys,
        runs: Vec::new(),
    };
    if text.contains('\r') || (text.contains(END) && !block.is_code()) {
        return Err(invalid(
            "text: has a line end; use replace_blocks for several blocks",
        ));
    }
    match block.object() {
        Some(kind) if line.text.is_empty() && !text.is_empty() => {
            return Err(invalid(format!(
                "start: the block there, {kind}, has no text"
            )));
        }
        _ => {}
    }
    // Behind the first of what goes, so that it is within the same marks.
    let at = place.start + usize::from(!place.is_empty());
    insert_text(&body, at, text).map_err(failed("insert a text"))?;
    let new = text.chars().count();
    let gone = place.len();
    if gone > 1 {
        let behind = body.delete(at + new, gone - 1);
        behind.map_err(failed("delete a text"))?;
    }
    if gone > 0 {
        let first = body.delete(place.start, 1);
        first.map_err(failed("delete a text"))?;
    }
    // Each line of code is a block of its own.
    for (offset, _) in text.chars().enumerate().filter(|(_, c)| *c == END) {
        let wanted = [(1, block.keys.clone())];
        let marked = set_marks(&body, place.start + offset, &wanted);
        marked.map_err(failed("mark a line"))?;
    }
    Ok(())
}

/// What the block is that ends there.
fn keys_at(body: &LoroText, end: usize) -> Result<Named> {
    if end >= body.len_unicode() {
        return Ok(Named::new());
    }
    let delta = body.slice_delta(end, end + 1, PosType::Unicode);
    let delta = delta.map_err(failed("read a block"))?;
    let found = pieces(delta).next().map(|(_, marks)| marks);
    Ok(counted(&found.unwrap_or_default(), END))
}

fn replace_blocks(doc: &LoroDoc, place: Option<Range<usize>>, page: &Node) -> Result<()> {
    let body = body(doc);
    let lines = lines(doc);
    let count = lines.len();
    let place = place.unwrap_or(count..count);
    if place.end > count {
        let field = if place.start > count { "start" } else { "end" };
        return Err(invalid(format!("{field}: the document has {count} blocks")));
    }
    let length = body.len_unicode();
    let begin = |block: usize| lines.get(block).map_or(length, |line| line.place.start);
    let (start, end) = (begin(place.start), begin(place.end));
    let mut blocks = page.to_blocks();
    if end > start {
        let gone = body.delete(start, end - start);
        gone.map_err(failed("delete blocks"))?;
    }
    if blocks.is_empty() && body.len_unicode() == 0 {
        // A page has a block.
        blocks.push(Block::default());
    }
    // The last block may have lost its end.
    let is_open = lines.last().is_some_and(|line| line.place.end == length);
    let mut at = start;
    if place.start == count && is_open && length > 0 {
        insert_text(&body, at, "\n").map_err(failed("end a block"))?;
        at += 1;
    }
    insert(&body, at, &blocks).map_err(failed("insert blocks"))
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
