//! The page's text as blocks: how they are read, written, and turned into plain text.

use std::ops::Range;

use loro::cursor::PosType;
use loro::{LoroDoc, LoroResult, LoroText, LoroValue, TextDelta, ToJson};
use serde_json::Value;

use super::model::{BREAK, END, OBJECT, OBJECT_KEY, body, counts_on};
use super::tree::{Named, Run};

/// Characters that are inserted at once. One long insert takes time in the square for whoever merges it;
/// pieces written from the last to the first do not, as they are no run of operations.
const PIECE: usize = 2_000;

/// A block of a page.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Block {
    /// What it is: the marks on its end.
    pub keys: Named,
    /// Its text, without its end.
    pub runs: Vec<Run>,
}

impl Block {
    /// A key that is text.
    pub fn word(&self, key: &str) -> Option<&str> {
        self.keys.get(key)?.as_str()
    }

    /// A key that is a whole number.
    pub fn number(&self, key: &str) -> Option<i64> {
        let value = self.keys.get(key)?;
        // JavaScript's numbers may have come as fractions.
        value
            .as_i64()
            .or_else(|| value.as_f64().map(|number| number as i64))
    }

    /// The kind of thing that it is; none: it is text.
    pub fn object(&self) -> Option<&str> {
        let kind = self.keys.get(OBJECT_KEY)?.get("kind");
        Some(kind.and_then(Value::as_str).unwrap_or_default())
    }

    /// Whether it is a line of code.
    pub fn is_code(&self) -> bool {
        self.word("type") == Some("code") && self.object().is_none()
    }
}

/// The page as plain text: its blocks' texts with a line end between them. A place in it is the same place
/// in the page's text.
pub fn plain_text(doc: &LoroDoc) -> String {
    let mut text = body(doc).to_string();
    if text.ends_with(END) {
        text.pop();
    }
    match text.contains(BREAK) {
        true => text.replace(BREAK, "\n"),
        false => text,
    }
}

/// The blocks of a page: one at least.
pub fn read(doc: &LoroDoc) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open = Block::default();
    for (text, marks) in pieces(body(doc).to_delta()) {
        let mut rest = text.as_str();
        while let Some(at) = rest.find(END) {
            push_text(&mut open, &rest[..at], &marks);
            let keys = counted(&marks, END);
            if keys.contains_key(OBJECT_KEY) && !open.runs.is_empty() {
                // Text that lost its own end stands before the thing, as a block without keys.
                blocks.push(std::mem::take(&mut open));
            }
            open.keys = keys;
            blocks.push(std::mem::take(&mut open));
            rest = &rest[at + END.len_utf8()..];
        }
        push_text(&mut open, rest, &marks);
    }
    if !open.runs.is_empty() || blocks.is_empty() {
        blocks.push(open);
    }
    blocks
}

/// The marks of characters, without those that were taken away.
pub fn pieces(delta: Vec<TextDelta>) -> impl Iterator<Item = (String, Named)> {
    delta.into_iter().filter_map(|part| match part {
        TextDelta::Insert { insert, attributes } => {
            let marks = attributes.into_iter().flatten();
            let marks = marks.filter(|(_, value)| !value.is_null());
            let marks = marks.map(|(key, value)| (key, value.to_json_value()));
            Some((insert, marks.collect()))
        }
        _ => None,
    })
}

/// Those of the marks that count on a character.
pub fn counted(marks: &Named, character: char) -> Named {
    let counts = marks.iter().filter(|(key, _)| counts_on(key, character));
    counts
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn push_text(block: &mut Block, text: &str, marks: &Named) {
    if text.is_empty() {
        return;
    }
    // What is said of an object counts on that character alone, and most texts have none.
    let split = marks.contains_key(OBJECT_KEY);
    for text in text.split_inclusive(|_| split) {
        let first = text.chars().next().unwrap_or_default();
        let marks = counted(marks, first);
        match block.runs.last_mut() {
            Some(last) if last.marks == marks => last.text.push_str(text),
            _ => block.runs.push(Run {
                text: text.to_owned(),
                marks,
            }),
        }
    }
}

/// Writes blocks, each with its end, at a place of the page's text.
///
/// # Errors
/// When Loro refuses it: the place is not in the text.
pub fn insert(body: &LoroText, at: usize, blocks: &[Block]) -> LoroResult<()> {
    let mut text = String::new();
    let mut wanted: Vec<(usize, Named)> = Vec::new();
    for block in blocks {
        for run in &block.runs {
            // An end of a block within its text would be another block.
            text.extend(run.text.chars().map(|c| if c == END { BREAK } else { c }));
            wanted.push((run.text.chars().count(), run.marks.clone()));
        }
        text.push(END);
        wanted.push((1, block.keys.clone()));
    }
    insert_text(body, at, &text)?;
    set_marks(body, at, &wanted)
}

/// Inserts a text of any length.
///
/// # Errors
/// As [`insert`].
pub fn insert_text(body: &LoroText, at: usize, text: &str) -> LoroResult<()> {
    let mut end = text.len();
    while end > 0 {
        // From the last to the first, so that each stands before the one written before it.
        let mut start = end;
        for (index, _) in text[..end].char_indices().rev().take(PIECE) {
            start = index;
        }
        body.insert(at, &text[start..end])?;
        end = start;
    }
    Ok(())
}

/// Makes the marks of the text from `at` on what is wanted, and writes only what differs: one mark for
/// neighbours that want the same, over whatever characters between them on which it does not count.
///
/// # Errors
/// When Loro refuses it.
pub fn set_marks(body: &LoroText, at: usize, wanted: &[(usize, Named)]) -> LoroResult<()> {
    let length: usize = wanted.iter().map(|(length, _)| length).sum();
    if length == 0 {
        return Ok(());
    }
    let is: Vec<(String, Named)> =
        pieces(body.slice_delta(at, at + length, PosType::Unicode)?).collect();
    let none = Named::new();
    let mut writers: Vec<Writer> = Vec::new();
    let mut place = at;
    let mut wanted = wanted.iter();
    let mut left = (0, &none);
    for (text, marks) in &is {
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            while left.0 == 0 {
                let Some((length, marks)) = wanted.next() else {
                    return Ok(());
                };
                left = (*length, marks);
            }
            // As many as have and want the same, and on which the same counts.
            let is_alone = |c: &char| matches!(*c, END | OBJECT);
            let count = match is_alone(&first) {
                true => 1,
                false => rest
                    .chars()
                    .take(left.0)
                    .take_while(|c| !is_alone(c))
                    .count(),
            };
            let bytes: usize = rest.chars().take(count).map(char::len_utf8).sum();
            for key in marks.keys().chain(left.1.keys()) {
                if !writers.iter().any(|writer| writer.key == *key) {
                    writers.push(Writer::new(key));
                }
            }
            for writer in writers.iter_mut().filter(|w| counts_on(&w.key, first)) {
                let (is, wanted) = (marks.get(&writer.key), left.1.get(&writer.key));
                writer.take(place..place + count, is, wanted, body)?;
            }
            place += count;
            left.0 -= count;
            rest = &rest[bytes..];
        }
    }
    for writer in &mut writers {
        writer.stop(body)?;
    }
    Ok(())
}

/// One key on its way over a text.
struct Writer {
    key: String,
    /// What is to be set, and where.
    open: Option<(Range<usize>, Option<Value>)>,
}

impl Writer {
    fn new(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            open: None,
        }
    }

    fn take(
        &mut self,
        place: Range<usize>,
        is: Option<&Value>,
        wanted: Option<&Value>,
        body: &LoroText,
    ) -> LoroResult<()> {
        if is == wanted {
            return self.stop(body);
        }
        match &mut self.open {
            Some((range, value)) if value.as_ref() == wanted => range.end = place.end,
            _ => {
                self.stop(body)?;
                self.open = Some((place, wanted.cloned()));
            }
        }
        Ok(())
    }

    fn stop(&mut self, body: &LoroText) -> LoroResult<()> {
        match self.open.take() {
            None => Ok(()),
            Some((range, Some(value))) => body.mark(range, &self.key, LoroValue::from(value)),
            Some((range, None)) => body.unmark(range, &self.key),
        }
    }
}
