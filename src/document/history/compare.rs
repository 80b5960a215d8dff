//! What two moments differ in. Characters are the same when the same operation put them there, so
//! nothing is guessed; and the order of what both have is the same in both.

use std::collections::HashSet;

use loro::{ID, LoroDoc, LoroValue};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::budget::Budget;
use super::deeds::Deeds;
use super::sheet::{Glyph, Sheet, written};
use super::{At, Edit, History};
use crate::document::model::END;
use crate::document::tree::Named;
use crate::error::Result;

/// Characters between two looks at the clock.
const STRIDE: usize = 8 * 1024;

/// What became of a character or of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Kept,
    Added,
    Removed,
    Reformatted,
}

/// Both moments in one page: what was removed stands where it stood.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Comparison {
    pub lines: Vec<Line>,
}

/// A block of either moment, as its end says.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What became of its end: a block that was joined to the next has lost it.
    pub change: Change,
    /// What it is then; of a removed one what it was.
    pub attributes: Named,
    /// What of its attributes is new; only of a reformatted one. `null`: taken away.
    pub set: Named,
    /// Whose change it is; none: nobody's, or it cannot be told.
    pub by: Option<Edit>,
    pub runs: Vec<Run>,
}

/// Characters that share all of this. A hard break is a line end.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub change: Change,
    pub text: String,
    /// The marks as they are then; of what is removed as they were.
    pub marks: Named,
    /// The marks that are new; only of what is reformatted. `null`: taken away.
    pub set: Named,
    /// The first edit of it, of one author; none: nobody's, or it cannot be told.
    pub by: Option<Edit>,
}

/// A run that is not as it was, by its place in the plain texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    pub change: Change,
    /// Where it begins in the text before, in characters.
    pub from: usize,
    /// Where it begins in the text after.
    pub to: usize,
    pub text: String,
    /// Of what is reformatted: the marks, or the block's attributes, that are new.
    pub set: Named,
    pub by: Option<Edit>,
}

impl History {
    /// What `to` has and has not, against `from`; either may be the earlier.
    ///
    /// # Errors
    /// As [`History::document_at`].
    pub fn compare(&self, from: &At, to: &At, budget: &Budget) -> Result<Comparison> {
        let (old, new) = (
            self.document_at(from, budget)?,
            self.document_at(to, budget)?,
        );
        // Who looks back sees removed what others had added in between.
        let deeds = Deeds::between(self, &from.version, &to.version, budget)?;
        let undone = Deeds::between(self, &to.version, &from.version, budget)?;
        old.read(|old| {
            new.read(|new| {
                let merge = Merge {
                    history: self,
                    deeds,
                    undone,
                    old: Sheet::of(old, budget)?,
                    new: Sheet::of(new, budget)?,
                    documents: (old, new),
                    lines: Vec::new(),
                    runs: Vec::new(),
                };
                merge.run(budget)
            })
        })??
    }
}

impl Comparison {
    /// What is not as it was, in the order of the texts.
    pub fn differences(&self) -> Vec<Difference> {
        let mut differences: Vec<Difference> = Vec::new();
        let (mut from, mut to) = (0, 0);
        // The last end of a block is not in the text.
        let last = |gone: Change| self.lines.iter().rposition(|line| line.is_beyond(gone));
        let (last_old, last_new) = (last(Change::Added), last(Change::Removed));
        for (number, line) in self.lines.iter().enumerate() {
            if line.change == Change::Reformatted {
                differences.push(Difference {
                    change: line.change,
                    from,
                    to,
                    text: line.new_text(),
                    set: line.set.clone(),
                    by: line.by.clone(),
                });
            }
            let runs = line.runs.iter();
            let runs = runs.map(|run| (run.change, run.text.clone(), &run.set, run.by.as_ref()));
            let in_old = line.change != Change::Added && last_old > Some(number);
            let in_new = line.change != Change::Removed && last_new > Some(number);
            let end = match (in_old, in_new) {
                (true, true) => Some(Change::Kept),
                (true, false) => Some(Change::Removed),
                (false, true) => Some(Change::Added),
                (false, false) => None,
            };
            // An end that is one only since there is a block behind it is whose that block is.
            let next = || {
                self.lines[number + 1..]
                    .iter()
                    .find_map(|line| line.by.as_ref())
            };
            let by = match line.change {
                Change::Added | Change::Removed => line.by.as_ref(),
                _ => next(),
            };
            let none = Named::new();
            let end = end.map(|change| (change, "\n".to_owned(), &none, by));
            for (change, text, set, by) in runs.chain(end) {
                let length = text.chars().count();
                if change != Change::Kept {
                    let difference = Difference {
                        change,
                        from,
                        to,
                        text,
                        set: set.clone(),
                        by: by.cloned(),
                    };
                    add(&mut differences, difference);
                }
                from += if change == Change::Added { 0 } else { length };
                to += if change == Change::Removed { 0 } else { length };
            }
        }
        differences
    }
}

impl Line {
    fn new_text(&self) -> String {
        let there = self.runs.iter().filter(|r| r.change != Change::Removed);
        there.map(|run| run.text.as_str()).collect()
    }

    /// Whether anything of it is in the text that lacks what is `gone`.
    fn is_beyond(&self, gone: Change) -> bool {
        self.change != gone || self.runs.iter().any(|run| run.change != gone)
    }
}

/// Adds a difference, to the last one where it goes on with it.
fn add(differences: &mut Vec<Difference>, next: Difference) {
    if let Some(last) = differences.last_mut() {
        let length = last.text.chars().count();
        let (from, to) = match last.change {
            Change::Added => (last.from, last.to + length),
            Change::Removed => (last.from + length, last.to),
            _ => (last.from + length, last.to + length),
        };
        if last.change == next.change
            && last.change != Change::Reformatted
            && (from, to) == (next.from, next.to)
            && author(&last.by) == author(&next.by)
        {
            last.text.push_str(&next.text);
            return;
        }
    }
    differences.push(next);
}

fn author(by: &Option<Edit>) -> Option<Uuid> {
    by.as_ref().map(|edit| edit.account_id)
}

struct Merge<'a> {
    history: &'a History,
    deeds: Deeds,
    /// What was done from the new one to the old one, where that is the later.
    undone: Deeds,
    old: Sheet,
    new: Sheet,
    /// The old one and the new one.
    documents: (&'a LoroDoc, &'a LoroDoc),
    lines: Vec<Line>,
    /// Those of the line that is open.
    runs: Vec<Run>,
}

impl Merge<'_> {
    fn run(mut self, budget: &Budget) -> Result<Comparison> {
        let ids = |sheet: &Sheet| -> HashSet<Option<ID>> {
            sheet.glyphs.iter().map(|glyph| glyph.id).collect()
        };
        let (in_old, in_new) = (ids(&self.old), ids(&self.new));
        let mut moved: HashSet<Option<ID>> = HashSet::new();
        let (mut i, mut j) = (0, 0);
        loop {
            if (i + j) % STRIDE == 0 {
                budget.check()?;
            }
            let old = self.old.glyphs.get(i).cloned();
            let new = self.new.glyphs.get(j).cloned();
            match (old, new) {
                (None, None) => break,
                (Some(old), _) if !in_new.contains(&old.id) || moved.contains(&old.id) => {
                    self.removed(&old);
                    i += 1;
                }
                (_, Some(new)) if !in_old.contains(&new.id) || moved.contains(&new.id) => {
                    self.added(&new);
                    j += 1;
                }
                (Some(old), Some(new)) if old.id == new.id => {
                    self.kept(&old, &new, (i, j));
                    i += 1;
                    j += 1;
                }
                // Both have it, elsewhere: it counts as removed here and added there.
                (Some(old), _) => drop(moved.insert(old.id)),
                (None, Some(new)) => drop(moved.insert(new.id)),
            }
        }
        if !self.runs.is_empty() {
            // The last block has no end: it is where its text is.
            let all = |change| self.runs.iter().all(|run| run.change == change);
            let change = [Change::Added, Change::Removed]
                .into_iter()
                .find(|c| all(*c));
            let change = change.unwrap_or(Change::Kept);
            self.end(change, Named::new(), Named::new(), None);
        }
        Ok(Comparison { lines: self.lines })
    }

    fn removed(&mut self, glyph: &Glyph) {
        let deleted = self.deeds.deleted_by(self.history, glyph.id);
        // Looked at backwards it is gone because it was not yet written.
        let by = deleted.or_else(|| match glyph.id {
            Some(id) if self.undone.is_in(id) => self.history.edit_of(id),
            _ => None,
        });
        let (by, marks) = (by.cloned(), self.old.marks[glyph.marks].clone());
        self.put(Change::Removed, glyph.character, marks, by, Named::new());
    }

    fn added(&mut self, glyph: &Glyph) {
        let by = match glyph.id {
            Some(id) if self.deeds.is_in(id) => self.history.edit_of(id),
            // Looked at backwards it is there because it was not yet deleted.
            id => self.undone.deleted_by(self.history, id),
        };
        let (by, marks) = (by.cloned(), self.new.marks[glyph.marks].clone());
        self.put(Change::Added, glyph.character, marks, by, Named::new());
    }

    fn kept(&mut self, old: &Glyph, new: &Glyph, places: (usize, usize)) {
        let (was, is) = (&self.old.marks[old.marks], &self.new.marks[new.marks]);
        let set = difference(was, is);
        let marks = is.clone();
        if set.is_empty() {
            return self.put(Change::Kept, new.character, marks, None, set);
        }
        let values = |of: &Named| -> Vec<(String, LoroValue)> {
            let value = |key: &String| of.get(key).cloned().unwrap_or(Value::Null);
            set.keys()
                .map(|key| (key.clone(), LoroValue::from(value(key))))
                .collect()
        };
        let (was, is) = (values(was), values(is));
        let (old_doc, new_doc) = self.documents;
        let deeds = &self.deeds;
        let by = deeds
            .set_by(self.history, new_doc, places.1, &is)
            .or_else(|| {
                let undone = &self.undone;
                undone.set_by(self.history, old_doc, places.0, &was)
            });
        let by = by.cloned();
        self.put(Change::Reformatted, new.character, marks, by, set);
    }

    fn put(&mut self, change: Change, character: char, marks: Named, by: Option<Edit>, set: Named) {
        if character == END {
            return self.end(change, marks, set, by);
        }
        let character = written(character);
        match self.runs.last_mut() {
            Some(run)
                if run.change == change
                    && run.marks == marks
                    && run.set == set
                    && author(&run.by) == author(&by) =>
            {
                run.text.push(character);
            }
            _ => self.runs.push(Run {
                change,
                text: character.to_string(),
                marks,
                set,
                by,
            }),
        }
    }

    fn end(&mut self, change: Change, attributes: Named, set: Named, by: Option<Edit>) {
        self.lines.push(Line {
            change,
            attributes,
            set,
            by,
            runs: std::mem::take(&mut self.runs),
        });
    }
}

/// What of `new` is not in `old`, and as `null` what `new` lacks.
fn difference(old: &Named, new: &Named) -> Named {
    let mut set: Named = new
        .iter()
        .filter(|(key, value)| old.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    set.extend(gone.map(|key| (key.clone(), Value::Null)));
    set
}
