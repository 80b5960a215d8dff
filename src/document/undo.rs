//! What was done is taken back: each stretch of work in a branch that has seen what its author saw and
//! nothing later. Merged into the document, that says exactly which characters go and where others
//! come back, whatever was written since.

use std::collections::HashMap;
use std::ops::Range;

use loro::event::Diff;
use loro::{
    ExportMode, Frontiers, ID, IdSpan, JsonOpContent, JsonTextOp, LoroDoc, LoroValue, TextDelta,
    VersionVector,
};
use serde_json::Value;

use super::blocks::pieces;
use super::model::{body, body_id, configure_text_styles, counts_on};
use super::pieces::{Piece, pieces_of};
use super::tree::Named;
use crate::error::{Error, Kind, Result};

/// Stretches of work that are taken back at once: each costs a millisecond and more.
const STRETCHES: usize = 1_000;

/// Takes back operations of a document, by its own peer, which has written nothing yet. What they inserted
/// goes; what they deleted comes back, as new characters. Marks, and with them what blocks are, become what
/// they were where they still are as these operations set them.
///
/// # Errors
/// `TooLarge` when it is too much at once; `Internal` when Loro refuses.
pub fn apply(doc: &LoroDoc, spans: &[IdSpan]) -> Result<()> {
    let update = undone(doc, doc.peer_id(), spans)?;
    if update.is_empty() {
        return Ok(());
    }
    let set = set_by(doc, spans);
    let body = body(doc);
    let marks: Vec<(String, Named)> = pieces(body.to_delta()).collect();
    let before = doc.oplog_frontiers();
    doc.import(&update)
        .map_err(failed("take back operations"))?;
    let difference = doc
        .diff(&before, &doc.oplog_frontiers())
        .map_err(failed("see what was taken back"))?;
    for (container, difference) in difference.iter() {
        let Diff::Text(delta) = difference else {
            continue;
        };
        if *container != body_id() {
            continue;
        }
        for (place, key, value) in set_since(delta, &marks, &set) {
            let kept = match value {
                Some(value) => body.mark(place, key, LoroValue::from(value.clone())),
                None => body.unmark(place, key),
            };
            kept.map_err(failed("keep what others set"))?;
        }
    }
    Ok(())
}

/// The values that operations gave to marks, by their keys.
type Values = HashMap<String, Vec<LoroValue>>;

/// A place, a mark that it keeps, and its value.
type Kept<'m> = (Range<usize>, &'m str, Option<&'m Value>);

fn set_by(doc: &LoroDoc, spans: &[IdSpan]) -> Values {
    let mut set = Values::new();
    let changes = spans.iter().flat_map(|s| doc.export_json_in_id_span(*s));
    for operation in changes.flat_map(|change| change.ops) {
        if let JsonOpContent::Text(JsonTextOp::Mark {
            style_key,
            style_value,
            ..
        }) = operation.content
        {
            set.entry(style_key).or_default().push(style_value);
        }
    }
    set
}

/// Where a mark is not what these operations set any more, and what it was before it was taken back too.
fn set_since<'m>(
    delta: &'m [TextDelta],
    before: &'m [(String, Named)],
    set: &Values,
) -> Vec<Kept<'m>> {
    let mut found = Vec::new();
    let mut before = before
        .iter()
        .flat_map(|(text, marks)| text.chars().map(move |character| (character, marks)));
    let mut now = 0;
    for part in delta {
        match part {
            TextDelta::Insert { insert, .. } => now += insert.chars().count(),
            TextDelta::Delete { delete } => before.by_ref().take(*delete).for_each(drop),
            TextDelta::Retain { retain, attributes } => {
                for (character, marks) in before.by_ref().take(*retain) {
                    let keys = attributes.iter().flat_map(|attributes| attributes.keys());
                    for key in keys.filter(|key| counts_on(key, character)) {
                        let was = marks.get(key);
                        let value = was.map_or(LoroValue::Null, |v| LoroValue::from(v.clone()));
                        if set.get(key).is_none_or(|values| !values.contains(&value)) {
                            keep(&mut found, now, key, was);
                        }
                    }
                    now += 1;
                }
            }
        }
    }
    found
}

/// Adds a place, to the last one of its key where it goes on with it.
fn keep<'m>(found: &mut Vec<Kept<'m>>, at: usize, key: &'m str, value: Option<&'m Value>) {
    let last = found.iter_mut().rev().find(|(_, other, _)| *other == key);
    match last {
        Some((place, _, same)) if place.end == at && *same == value => place.end += 1,
        _ => found.push((at..at + 1, key, value)),
    }
}

/// The update by which `peer`, which has written nothing yet, takes back operations of `doc`.
fn undone(doc: &LoroDoc, peer: u64, spans: &[IdSpan]) -> Result<Vec<u8>> {
    let branch = LoroDoc::new();
    configure_text_styles(&branch);
    branch.set_peer_id(peer).map_err(failed("set the peer"))?;
    for stretch in stretches(doc, spans)? {
        let seen = seen_by(doc, &stretch)?;
        learn(&branch, doc, &seen)?;
        let before = branch.oplog_frontiers();
        let mut after = seen;
        after.insert(stretch.peer, stretch.counters.end);
        learn(&branch, doc, &after)?;
        branch
            .revert_to(&before)
            .map_err(failed("take back operations"))?;
        branch.commit();
    }
    let end = branch.oplog_vv().get(&peer).copied().unwrap_or(0);
    if end == 0 {
        return Ok(Vec::new());
    }
    branch
        .export(ExportMode::updates_in_range(vec![IdSpan::new(
            peer, 0, end,
        )]))
        .map_err(failed("export the operations"))
}

/// The operations in stretches, in which an author heard of nobody else, each behind what it builds on.
fn stretches(doc: &LoroDoc, spans: &[IdSpan]) -> Result<Vec<Piece>> {
    let mut all: Vec<Piece> = Vec::new();
    for span in spans {
        let first = all.len();
        for piece in pieces_of(doc, span.peer, span.counter.start..span.counter.end) {
            match all[first..].last_mut() {
                Some(last) if piece.needs.is_empty() => last.counters.end = piece.counters.end,
                _ => all.push(piece),
            }
        }
    }
    if all.len() > STRETCHES {
        let context =
            "this is too much to be taken back at once; take back less, or restore a version";
        return Err(Error::new(Kind::TooLarge, context));
    }
    all.sort_by_key(|piece| (piece.lamport, piece.peer));
    Ok(all)
}

/// What the author of a stretch had seen when it began.
fn seen_by(doc: &LoroDoc, stretch: &Piece) -> Result<VersionVector> {
    let start = stretch.counters.start;
    let mut ends = stretch.needs.clone();
    if start > 0 {
        ends.push(ID::new(stretch.peer, start - 1));
    }
    doc.frontiers_to_vv(&Frontiers::from(ends)).ok_or_else(|| {
        Error::new(
            Kind::Internal,
            "the document lacks what an operation builds on",
        )
    })
}

/// Brings operations of `doc` into the branch.
fn learn(branch: &LoroDoc, doc: &LoroDoc, version: &VersionVector) -> Result<()> {
    let known = branch.oplog_vv();
    let spans: Vec<IdSpan> = version
        .iter()
        .map(|(peer, end)| IdSpan::new(*peer, known.get(peer).copied().unwrap_or(0), *end))
        .filter(|span| span.counter.start < span.counter.end)
        .collect();
    if spans.is_empty() {
        return Ok(());
    }
    let update = doc
        .export(ExportMode::updates_in_range(spans))
        .map_err(failed("export what was seen"))?;
    branch
        .import(&update)
        .map_err(failed("import what was seen"))?;
    Ok(())
}

fn failed<E>(context: &'static str) -> impl FnOnce(E) -> Error
where
    E: std::error::Error + Send + Sync + 'static,
{
    move |error| Error::caused(Kind::Internal, context, error)
}
