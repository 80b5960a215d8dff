//! Whether deletions mean what they say. Loro deletes by position when it applies an update to what
//! its author saw, and by id when others have edited meanwhile: a deletion whose ids are not those
//! at its positions makes copies differ.

use std::ops::Range;

use loro::cursor::{Cursor, Side};
use loro::{ContainerID, ContainerTrait, Counter, ID, LoroDoc, LoroText, PeerID};

use super::decode::Operation;
use super::operation::Op;

/// What must hold after the import for one text.
pub struct Expectation {
    container: ContainerID,
    author: PeerID,
    /// Counters of the update.
    own: Range<Counter>,
    gaps: Vec<Gap>,
}

/// A deleted stretch.
struct Gap {
    /// What stood before it and what behind it.
    before: Option<ID>,
    behind: Option<ID>,
    /// Where `before` stands after the import if the update inserts nothing in front of it.
    guess: usize,
}

/// Checks, before the import, that the ids which the update deletes stand in `container` one after
/// the other. `None` when they do not.
pub fn expect<'o, 'a: 'o>(
    doc: &LoroDoc,
    container: ContainerID,
    author: PeerID,
    own: Range<Counter>,
    operations: impl Iterator<Item = &'o Operation<'a>>,
) -> Option<Expectation> {
    let text = doc.get_text(container.clone());
    let mut alive: Vec<Range<Counter>> = Vec::new();
    let mut deleted: Vec<Range<usize>> = Vec::new();
    for operation in operations {
        match operation.kind {
            Op::InsertText { len, .. } => {
                alive.push(operation.counter..operation.counter + len as Counter);
            }
            Op::Delete { pos, len, start } => {
                let end = start.counter + len as Counter;
                let is_own = start.peer == author && end > own.start;
                let split = if is_own {
                    start.counter.max(own.start)
                } else {
                    end
                };
                if split < end && !take(&mut alive, split..end) {
                    return None;
                }
                if start.counter < split {
                    let at = find(doc, &text, start, pos as usize)?;
                    let len = (split - start.counter) as usize;
                    for offset in 1..len {
                        if id_at(&text, at + offset)? != start.inc(offset as Counter) {
                            return None;
                        }
                    }
                    deleted.push(at..at + len);
                }
            }
            _ => {}
        }
    }
    let mut gone = 0;
    let gaps = merge(deleted)?
        .into_iter()
        .map(|gap| {
            let guess = gap.start.saturating_sub(gone + 1);
            gone += gap.len();
            let before = gap.start.checked_sub(1).map(|i| id_at(&text, i));
            let behind = (gap.end < text.len_unicode()).then(|| id_at(&text, gap.end));
            // An element without an id cannot be: then the document is not what it seems.
            Some(Gap {
                before: transpose(before)?,
                behind: transpose(behind)?,
                guess,
            })
        })
        .collect::<Option<_>>()?;
    Some(Expectation {
        container,
        author,
        own,
        gaps,
    })
}

impl Expectation {
    /// Whether the import deleted just those elements: where they stood, only the update's own new
    /// ones may be. As many are gone as were named, so none besides is gone.
    pub fn is_met(&self, doc: &LoroDoc) -> bool {
        let text = doc.get_text(self.container.clone());
        self.gaps.iter().all(|gap| {
            let mut at = match gap.before {
                Some(id) => match find(doc, &text, id, gap.guess) {
                    Some(at) => at + 1,
                    None => return false,
                },
                None => 0,
            };
            while let Some(id) = id_at(&text, at) {
                if id.peer != self.author || !self.own.contains(&id.counter) {
                    return Some(id) == gap.behind;
                }
                at += 1;
            }
            gap.behind.is_none() && at == text.len_unicode()
        })
    }
}

fn id_at(text: &LoroText, at: usize) -> Option<ID> {
    text.get_cursor(at, Side::Middle)?.id
}

/// Where `id` stands; `guess` is tried first, the search goes over all stretches.
fn find(doc: &LoroDoc, text: &LoroText, id: ID, guess: usize) -> Option<usize> {
    if guess < text.len_unicode() && id_at(text, guess) == Some(id) {
        return Some(guess);
    }
    let cursor = Cursor::new(Some(id), text.id(), Side::Middle, 0);
    let at = doc.with_state(|state| state.get_relative_position(&cursor, true))?;
    (id_at(text, at) == Some(id)).then_some(at)
}

/// Takes `counters` out of the ranges; false when they are not all there.
fn take(ranges: &mut Vec<Range<Counter>>, counters: Range<Counter>) -> bool {
    let mut left = counters.end - counters.start;
    let mut rest = Vec::with_capacity(ranges.len() + 1);
    for range in ranges.drain(..) {
        let (start, end) = (range.start.max(counters.start), range.end.min(counters.end));
        if start >= end {
            rest.push(range);
            continue;
        }
        left -= end - start;
        if range.start < start {
            rest.push(range.start..start);
        }
        if end < range.end {
            rest.push(end..range.end);
        }
    }
    *ranges = rest;
    left == 0
}

/// Sorts and joins stretches; `None` when two overlap.
fn merge(mut stretches: Vec<Range<usize>>) -> Option<Vec<Range<usize>>> {
    stretches.sort_by_key(|stretch| stretch.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for stretch in stretches {
        match merged.last_mut() {
            Some(last) if stretch.start < last.end => return None,
            Some(last) if stretch.start == last.end => last.end = stretch.end,
            _ => merged.push(stretch),
        }
    }
    Some(merged)
}

/// Nothing there is fine, something without an id is not.
fn transpose(id: Option<Option<ID>>) -> Option<Option<ID>> {
    match id {
        None => Some(None),
        Some(None) => None,
        Some(some) => Some(some),
    }
}
