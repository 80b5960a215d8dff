//! Editing histories: what was typed, by whom, knowing what. Reads the recorded ones.

use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Kind, Result};

/// A history of one text, which begins empty.
#[derive(Debug, Clone)]
pub struct Trace {
    /// How many people wrote.
    pub authors: usize,
    /// In an order in which each edit follows all that it knows.
    pub edits: Vec<Edit>,
    /// For each edit and author: how many of the author's edits it knows.
    known: Vec<u32>,
    /// The text when all is merged, as it was recorded.
    pub end_content: String,
}

/// One keystroke or paste: one update, one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Whose it is, from 0.
    pub author: usize,
    /// Where, in Unicode code points.
    pub position: usize,
    /// How many code points go there.
    pub deleted: usize,
    /// What comes there.
    pub inserted: String,
}

impl Edit {
    /// How many Loro operations it makes: one for each code point that goes or comes.
    pub fn operations(&self) -> usize {
        self.deleted + self.inserted.chars().count()
    }
}

impl Trace {
    /// A history in which everybody knows everything that came before.
    pub fn in_turns(authors: usize, edits: Vec<Edit>, end_content: String) -> Self {
        let mut counts = vec![0; authors];
        let mut known = Vec::with_capacity(authors * edits.len());
        for edit in &edits {
            known.extend_from_slice(&counts);
            counts[edit.author] += 1;
        }
        Self {
            authors,
            edits,
            known,
            end_content,
        }
    }

    /// How many edits of each author the edit with that index knows.
    pub fn known(&self, edit: usize) -> &[u32] {
        &self.known[edit * self.authors..][..self.authors]
    }

    /// Keeps the first `count` edits. The end is then not a recorded one: the caller makes it.
    pub fn truncate(&mut self, count: usize) {
        self.edits.truncate(count);
        self.known.truncate(count * self.authors);
    }

    /// Reads a recorded history, gzipped JSON of either kind.
    ///
    /// # Errors
    /// `Invalid` when the file cannot be read or is not such a history.
    pub fn read(path: &Path) -> Result<Self> {
        let context = || format!("read trace {}", path.display());
        let file =
            std::fs::read(path).map_err(|error| Error::caused(Kind::Invalid, context(), error))?;
        let mut json = Vec::new();
        flate2::read::GzDecoder::new(&file[..])
            .read_to_end(&mut json)
            .map_err(|error| Error::caused(Kind::Invalid, context(), error))?;
        Self::parse(&json).map_err(|error| Error::caused(Kind::Invalid, context(), error))
    }

    /// Reads the JSON of a recorded history.
    ///
    /// # Errors
    /// `Invalid` when it is not one, or when an author's transaction does not know the one before.
    pub fn parse(json: &[u8]) -> Result<Self> {
        let recorded: Recorded = serde_json::from_slice(json)
            .map_err(|error| Error::caused(Kind::Invalid, "parse trace", error))?;
        if recorded.kind.as_deref() == Some("concurrent") {
            concurrent(recorded)
        } else {
            Ok(sequential(recorded))
        }
    }
}

/// The file; see the collection's own description.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    kind: Option<String>,
    #[serde(default)]
    start_content: String,
    end_content: String,
    num_agents: Option<usize>,
    txns: Vec<Transaction>,
}

#[derive(Deserialize)]
struct Transaction {
    #[serde(default)]
    parents: Vec<usize>,
    #[serde(default)]
    agent: usize,
    patches: Vec<(usize, usize, String)>,
}

fn sequential(recorded: Recorded) -> Trace {
    let start = (!recorded.start_content.is_empty()).then_some((0, 0, recorded.start_content));
    let patches = recorded.txns.into_iter().flat_map(|txn| txn.patches);
    let edits = start
        .into_iter()
        .chain(patches)
        .map(|patch| edit(0, patch))
        .collect();
    Trace::in_turns(1, edits, recorded.end_content)
}

fn concurrent(recorded: Recorded) -> Result<Trace> {
    let wrong = |text: &str| Error::new(Kind::Invalid, text);
    let authors = recorded
        .num_agents
        .ok_or_else(|| wrong("numAgents is missing"))?;
    let mut edits = Vec::with_capacity(recorded.txns.len());
    let mut known = Vec::new();
    // After each transaction: how many edits of each author are in.
    let mut after: Vec<Vec<u32>> = Vec::with_capacity(recorded.txns.len());
    let mut written = vec![0; authors];
    for (index, txn) in recorded.txns.into_iter().enumerate() {
        if txn.agent >= authors || txn.parents.iter().any(|&parent| parent >= index) {
            return Err(wrong("a transaction names an agent or parent that is not"));
        }
        let mut clock = vec![0; authors];
        for parent in txn.parents {
            for (mine, theirs) in clock.iter_mut().zip(&after[parent]) {
                *mine = (*mine).max(*theirs);
            }
        }
        if clock[txn.agent] != written[txn.agent] {
            return Err(wrong("a transaction does not know its author's former one"));
        }
        for patch in txn.patches {
            known.extend_from_slice(&clock);
            clock[txn.agent] += 1;
            edits.push(edit(txn.agent, patch));
        }
        written[txn.agent] = clock[txn.agent];
        after.push(clock);
    }
    Ok(Trace {
        authors,
        edits,
        known,
        end_content: recorded.end_content,
    })
}

fn edit(author: usize, (position, deleted, inserted): (usize, usize, String)) -> Edit {
    Edit {
        author,
        position,
        deleted,
        inserted,
    }
}
