//! What two moments differ in. Characters are the same when the same operation put them there, so
//! nothing is guessed; and the order of what both have is the same in both.

use std::collections::HashSet;

use loro::{ContainerID, ID, LoroValue};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::budget::Budget;
use super::deeds::Deeds;
use super::sheet::{Block, Glyph, Sheet};
use super::{At, Edit, History};
use crate::document::model::NODE_NAME;
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

/// A block of either moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub change: Change,
    /// As it is then; of a removed one as it was.
    pub name: String,
    pub attributes: Named,
    /// The names of the blocks that it stands in, the outermost first.
    pub frames: Vec<String>,
    /// What of its name and attributes is new; only of a reformatted one. `null`: taken away.
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
    /// Of what is reformatted: the marks, or the block's `nodeName` and attributes, that are new.
    pub set: Named,
    pub by: Option<Edit>,
}

impl History {
    /// What `to` has and has not, against `from`; either may be the earlier.
    ///
    /// # Errors
    /// As [`History::document_at`].
    pub fn compare(&self, from: &At, to: &At, budget: &Budget) -> Result<Comparison> {
        let sheet = |at| {
            let document = self.document_at(at, budget)?;
            document.read(|doc| Sheet::of(doc, budget))?
        };
        let (old, new) = (sheet(from)?, sheet(to)?);
        // Who looks back sees removed what others had added in between.
        let deeds = Deeds::between(self, &from.version, &to.version, budget)?;
        let undone = Deeds::between(self, &to.version, &from.version, budget)?;
        let mut merge = Merge {
            history: self,
            deeds,
            undone,
            old: &old,
            new: &new,
            comparison: Comparison::default(),
        };
        merge.run(budget)?;
        Ok(merge.comparison)
    }
}

impl Comparison {
    /// What is not as it was, in the order of the texts.
    pub fn differences(&self) -> Vec<Difference> {
        let mut differences: Vec<Difference> = Vec::new();
        let (mut from, mut to) = (0, 0);
        // A line's end belongs to the block after it, and there is none before the first.
        let (mut is_old_first, mut is_new_first) = (true, true);
        // Who made or removed the block that was the first.
        let mut edge = None;
        for line in &self.lines {
            let in_old = line.change != Change::Added;
            let in_new = line.change != Change::Removed;
            let ends_old = in_old && !std::mem::take(&mut is_old_first);
            let ends_new = in_new && !std::mem::take(&mut is_new_first);
            edge = line.by.clone().or(edge);
            if ends_old != ends_new {
                let change = match ends_new {
                    true => Change::Added,
                    false => Change::Removed,
                };
                let (text, set) = ("\n".to_owned(), Named::new());
                let by = edge.clone();
                let end = Difference {
                    change,
                    from,
                    to,
                    text,
                    set,
                    by,
                };
                add(&mut differences, end);
            }
            from += usize::from(ends_old);
            to += usize::from(ends_new);
            if line.change == Change::Reformatted {
                let block = Difference {
                    change: line.change,
                    from,
                    to,
                    text: line.new_text(),
                    set: line.set.clone(),
                    by: line.by.clone(),
                };
                differences.push(block);
            }
            for run in &line.runs {
                let length = run.text.chars().count();
                if run.change != Change::Kept {
                    add(
                        &mut differences,
                        Difference {
                            change: run.change,
                            from,
                            to,
                            text: run.text.clone(),
                            set: run.set.clone(),
                            by: run.by.clone(),
                        },
                    );
                }
                from += if run.change == Change::Added {
                    0
                } else {
                    length
                };
                to += if run.change == Change::Removed {
                    0
                } else {
                    length
                };
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
    old: &'a Sheet,
    new: &'a Sheet,
    comparison: Comparison,
}

impl Merge<'_> {
    fn run(&mut self, budget: &Budget) -> Result<()> {
        let ids = |sheet: &Sheet| -> HashSet<Option<ID>> {
            sheet.glyphs.iter().map(|glyph| glyph.id).collect()
        };
        let (in_old, in_new) = (ids(self.old), ids(self.new));
        let mut moved: HashSet<Option<ID>> = HashSet::new();
        let (mut i, mut j) = (0, 0);
        loop {
            if (i + j) % STRIDE == 0 {
                budget.check()?;
            }
            let (old, new) = (self.old.glyphs.get(i), self.new.glyphs.get(j));
            match (old, new) {
                (None, None) => return Ok(()),
                (Some(old), _) if !in_new.contains(&old.id) || moved.contains(&old.id) => {
                    self.removed(old);
                    i += 1;
                }
                (_, Some(new)) if !in_old.contains(&new.id) || moved.contains(&new.id) => {
                    self.added(new);
                    j += 1;
                }
                (Some(old), Some(new)) if old.id == new.id => {
                    self.kept(old, new);
                    i += 1;
                    j += 1;
                }
                // Both have it, elsewhere: it counts as removed here and added there.
                (Some(old), _) => drop(moved.insert(old.id)),
                (None, Some(new)) => drop(moved.insert(new.id)),
            }
        }
    }

    fn removed(&mut self, glyph: &Glyph) {
        let containers = || self.old.containers(glyph).cloned();
        let deleted = self.deeds.deleted_by(self.history, glyph.id, containers());
        // Looked at backwards it is gone because it was not yet written.
        let by = deleted.or_else(|| match glyph.id {
            Some(id) if self.undone.is_in(id) => self.history.edit_of(id),
            _ => None,
        });
        self.put(Change::Removed, self.old, glyph, by.cloned(), Named::new());
    }

    fn added(&mut self, glyph: &Glyph) {
        let by = match glyph.id {
            Some(id) if self.deeds.is_in(id) => self.history.edit_of(id),
            // Looked at backwards it is there because it was not yet deleted.
            id => self
                .undone
                .deleted_by(self.history, id, self.new.containers(glyph).cloned()),
        };
        self.put(Change::Added, self.new, glyph, by.cloned(), Named::new());
    }

    fn kept(&mut self, old: &Glyph, new: &Glyph) {
        let set = match new.character {
            None => block_difference(&self.old.blocks[old.block], &self.new.blocks[new.block]),
            Some(_) => difference(&self.old.marks[old.marks], &self.new.marks[new.marks]),
        };
        if set.is_empty() {
            return self.put(Change::Kept, self.new, new, None, set);
        }
        let keys: Vec<(String, LoroValue)> = set
            .iter()
            .map(|(key, value)| (key.clone(), LoroValue::from(value.clone())))
            .collect();
        let own: Vec<ContainerID> = match new.text {
            Some(text) => vec![self.new.texts[text].clone()],
            // Itself and its attributes.
            None => self.new.containers(new).take(2).cloned().collect(),
        };
        let mut by = self.deeds.set_by(self.history, own.iter().cloned(), &keys);
        if by.is_none() {
            let was: Vec<(String, LoroValue)> = match new.character {
                None => keys.clone(),
                Some(_) => {
                    let marks = &self.old.marks[old.marks];
                    let value = |key: &String| marks.get(key).cloned().unwrap_or(Value::Null);
                    keys.iter()
                        .map(|(key, _)| (key.clone(), LoroValue::from(value(key))))
                        .collect()
                }
            };
            by = self.undone.set_by(self.history, own.into_iter(), &was);
        }
        self.put(Change::Reformatted, self.new, new, by.cloned(), set);
    }

    fn put(&mut self, change: Change, sheet: &Sheet, glyph: &Glyph, by: Option<Edit>, set: Named) {
        let lines = &mut self.comparison.lines;
        let Some(character) = glyph.character else {
            let block = &sheet.blocks[glyph.block];
            lines.push(Line {
                change,
                name: block.name.clone(),
                attributes: block.attributes.clone(),
                frames: block.frames.clone(),
                set,
                by,
                runs: Vec::new(),
            });
            return;
        };
        let Some(line) = lines.last_mut() else {
            return;
        };
        let marks = &sheet.marks[glyph.marks];
        match line.runs.last_mut() {
            Some(run)
                if run.change == change
                    && run.marks == *marks
                    && run.set == set
                    && author(&run.by) == author(&by) =>
            {
                run.text.push(character);
            }
            _ => line.runs.push(Run {
                change,
                text: character.to_string(),
                marks: marks.clone(),
                set,
                by,
            }),
        }
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

fn block_difference(old: &Block, new: &Block) -> Named {
    let mut set = difference(&old.attributes, &new.attributes);
    if old.name != new.name {
        set.insert(NODE_NAME.to_owned(), new.name.clone().into());
    }
    set
}
