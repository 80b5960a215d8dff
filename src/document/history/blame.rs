//! Who wrote what stands in the text.

use uuid::Uuid;

use super::budget::Budget;
use super::sheet::{Sheet, written};
use super::{At, FOLDED, History};
use crate::error::Result;

/// Characters that follow each other and came with one edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Where, in characters (Unicode code points) of the plain text.
    pub start: usize,
    pub end: usize,
    pub text: String,
    pub edit_id: i64,
    pub account_id: Uuid,
    pub session_id: Option<Uuid>,
    /// When the first of it was written: microseconds since 1970.
    pub from_us: i64,
    /// When the last of it was.
    pub to_us: i64,
}

impl Span {
    /// Whether it came with edits that are folded: who wrote it is not known any more, and when only that it
    /// was before the history that is kept.
    pub fn is_folded(&self) -> bool {
        self.edit_id == FOLDED
    }
}

impl History {
    /// The text at a moment in spans, each of one edit, which together are all of it.
    ///
    /// # Errors
    /// As [`History::document_at`].
    pub fn blame(&self, at: &At, budget: &Budget) -> Result<Vec<Span>> {
        let document = self.document_at(at, budget)?;
        let sheet = document.read(|doc| Sheet::of(doc, budget))??;
        let mut spans: Vec<Span> = Vec::new();
        let mut at = 0;
        for glyph in sheet.written() {
            let character = written(glyph.character);
            at += 1;
            let edit = glyph.id.and_then(|id| self.edit_of(id));
            match (spans.last_mut(), edit) {
                (Some(last), Some(edit)) if last.edit_id == edit.edit_id => {
                    last.text.push(character);
                    last.end = at;
                }
                // Every character has one.
                (_, None) => {}
                (_, Some(edit)) => spans.push(Span {
                    start: at - 1,
                    end: at,
                    text: character.to_string(),
                    edit_id: edit.edit_id,
                    account_id: edit.account_id,
                    session_id: edit.session_id,
                    from_us: edit.created_us,
                    to_us: edit.created_us,
                }),
            }
        }
        Ok(spans)
    }
}

/// The same in spans of one author each, of edits that are not more than `gap_us` microseconds
/// apart from one to the next. Such a span names its first edit.
pub fn by_author(spans: Vec<Span>, gap_us: i64) -> Vec<Span> {
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last)
                if last.account_id == span.account_id
                    && last.end == span.start
                    && span.from_us <= last.to_us.saturating_add(gap_us)
                    && span.to_us >= last.from_us.saturating_sub(gap_us) =>
            {
                last.text.push_str(&span.text);
                last.end = span.end;
                if span.from_us < last.from_us {
                    (last.edit_id, last.session_id) = (span.edit_id, span.session_id);
                }
                last.from_us = last.from_us.min(span.from_us);
                last.to_us = last.to_us.max(span.to_us);
            }
            _ => merged.push(span),
        }
    }
    merged
}
