//! What was done is taken back: each stretch of work in a branch that has seen what its author saw and
//! nothing later. Merged into the document, that says exactly which characters go and where others
//! come back, whatever was written since.

use loro::{ExportMode, Frontiers, ID, IdSpan, LoroDoc, VersionVector};

use super::model::configure_text_styles;
use super::pieces::{Piece, pieces_of};
use crate::error::{Error, Kind, Result};

/// Stretches of work that are taken back at once: each costs a millisecond and more.
const STRETCHES: usize = 1_000;

/// The update by which `peer`, which has written nothing yet, takes back operations of `doc`. What
/// they inserted goes; what they deleted comes back, as new characters; marks, attributes and blocks
/// become what they were. Where others set the same mark or attribute since, one of the two stands, as
/// when both are set at once.
///
/// # Errors
/// `TooLarge` when it is too much at once; `Internal` when Loro refuses.
pub fn undo(doc: &LoroDoc, peer: u64, spans: &[IdSpan]) -> Result<Vec<u8>> {
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
