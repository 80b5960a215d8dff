//! A document as one row of characters, each with the operation that put it there: what blame and
//! comparisons are made of.

use loro::cursor::Side;
use loro::{ID, LoroDoc};

use super::budget::Budget;
use crate::document::blocks::{counted, pieces};
use crate::document::model::{BREAK, END, OBJECT, body};
use crate::document::tree::Named;
use crate::error::Result;

/// Characters between two looks at the clock.
const STRIDE: usize = 8 * 1024;

/// A character of the page's text.
#[derive(Debug, Clone, PartialEq)]
pub struct Glyph {
    pub character: char,
    /// The operation that put it there.
    pub id: Option<ID>,
    /// A place in [`Sheet::marks`]: those that count on it.
    pub marks: usize,
}

/// A document as characters.
#[derive(Debug, Default)]
pub struct Sheet {
    pub glyphs: Vec<Glyph>,
    pub marks: Vec<Named>,
}

impl Sheet {
    /// Reads a document. Takes some 0.6 µs a character.
    ///
    /// # Errors
    /// `Limited` when the time is over.
    pub fn of(doc: &LoroDoc, budget: &Budget) -> Result<Self> {
        let text = body(doc);
        let mut sheet = Self::default();
        let mut at = 0;
        for (part, marks) in pieces(text.to_delta()) {
            // What counts on text, on the end of a block, and on an object.
            let mut known: [Option<usize>; 3] = [None; 3];
            for character in part.chars() {
                if at % STRIDE == 0 {
                    budget.check()?;
                }
                let kind = match character {
                    END => 1,
                    OBJECT => 2,
                    _ => 0,
                };
                let marks =
                    *known[kind].get_or_insert_with(|| sheet.marks_of(counted(&marks, character)));
                let id = text.get_cursor(at, Side::Middle).and_then(|c| c.id);
                sheet.glyphs.push(Glyph {
                    character,
                    id,
                    marks,
                });
                at += 1;
            }
        }
        Ok(sheet)
    }

    /// Where these marks stand among those of the document.
    fn marks_of(&mut self, marks: Named) -> usize {
        let known = self.marks.iter().position(|known| *known == marks);
        known.unwrap_or_else(|| {
            self.marks.push(marks);
            self.marks.len() - 1
        })
    }

    /// The characters of the plain text: the last end of a block is none.
    pub fn written(&self) -> &[Glyph] {
        match self.glyphs.split_last() {
            Some((last, before)) if last.character == END => before,
            _ => &self.glyphs,
        }
    }
}

/// How a character is written in the plain text.
pub fn written(character: char) -> char {
    match character {
        BREAK => '\n',
        character => character,
    }
}
