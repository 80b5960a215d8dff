//! Which edits make a moment.
//!
//! A moment by time or by edit is every edit written no later, by the database's clock and then by
//! the edit's id. An edit whose operations build on what is missing then **hangs in the air**: it is
//! left out, whole, with all that builds on it, and named. That happens only when the clock was set
//! back (or another server's clock took over) between an edit and one that builds on it; the commit
//! takes no edit before those that it builds on.

use loro::VersionVector;

use super::{History, instant};
use crate::error::{Error, Kind, Result};

/// When.
#[derive(Debug, Clone, PartialEq)]
pub enum Moment {
    /// Everything.
    Now,
    /// All edits up to and including then: microseconds since 1970.
    Time(i64),
    /// This edit and all written before it.
    Edit(i64),
    /// All edits written before this one.
    Before(i64),
    /// Exactly these operations.
    Version(VersionVector),
}

/// Whether a text would be taken for a time or for the id of an edit, here or by Postgres: no version may be
/// called so, or it would hide the moment, or be hidden by it.
pub fn reads_as_moment(text: &str) -> bool {
    const WORDS: [&str; 9] = [
        "now",
        "today",
        "yesterday",
        "tomorrow",
        "epoch",
        "infinity",
        "-infinity",
        "+infinity",
        "allballs",
    ];
    let text = text.trim().to_lowercase();
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // 2026-12-01, 1/12/2026, 10:30, 2026-12-01T10:30:00.5+01:00; 1.2.3 is a name.
    let of_a_time = |c: char| c.is_ascii_digit() || "-/:.+tz ".contains(c);
    let is_time = text.starts_with(|c: char| c.is_ascii_digit())
        && text.contains(['-', '/', ':'])
        && text.chars().all(of_a_time);
    is_number || is_time || text.starts_with("before:") || WORDS.contains(&&*text)
}

/// A moment as a set of operations.
#[derive(Debug, Clone, PartialEq)]
pub struct At {
    /// Counters by peer; has all that its operations build on.
    pub version: VersionVector,
    /// Edits of the moment that hang in the air, by id in the order in which they were written.
    pub hanging: Vec<i64>,
}

impl History {
    /// The first moment that is kept: before it nothing was written, or all that was is folded.
    pub fn start(&self) -> At {
        let folded = self.folded.as_ref();
        At {
            version: folded
                .map(|folded| folded.version.clone())
                .unwrap_or_default(),
            hanging: Vec::new(),
        }
    }

    /// The operations of a moment.
    ///
    /// # Errors
    /// `NotFound` when the document has no such edit or version.
    pub fn at(&self, moment: &Moment) -> Result<At> {
        let count = match moment {
            Moment::Now => self.edits.len(),
            Moment::Time(us) => {
                self.is_kept(*us)?;
                self.edits.partition_point(|edit| edit.created_us <= *us)
            }
            Moment::Edit(edit_id) => {
                let place = self.place_of(*edit_id)?;
                self.is_kept(self.edits[place].created_us)?;
                place + 1
            }
            Moment::Before(edit_id) => {
                let place = self.place_of(*edit_id)?;
                // Exactly what is folded is a moment, too.
                self.is_kept(self.edits[place].created_us)?;
                place
            }
            Moment::Version(version) => return self.at_version(version),
        };
        let folded = self.folded.as_ref().map(|folded| &folded.version);
        let mut version = folded.cloned().unwrap_or_default();
        for (peer, places) in &self.by_peer {
            let mut end = version.get(peer).copied().unwrap_or(0);
            for edit in places.iter().filter(|place| **place < count) {
                let edit = &self.edits[*edit];
                if edit.counter_start > end || self.set_aside.contains(&edit.edit_id) {
                    break;
                }
                end = end.max(edit.counter_end);
            }
            if end > 0 {
                version.insert(*peer, end);
            }
        }
        self.close(&mut version)?;
        let is_hanging = |edit: &&super::Edit| {
            version.get(&edit.peer).copied().unwrap_or(0) < edit.counter_end
                && !self.set_aside.contains(&edit.edit_id)
        };
        let hanging = self.edits[..count].iter().filter(is_hanging);
        Ok(At {
            hanging: hanging.map(|edit| edit.edit_id).collect(),
            version,
        })
    }

    fn at_version(&self, version: &VersionVector) -> Result<At> {
        let known = self.live.version()?;
        let mut closed = version.clone();
        self.close(&mut closed)?;
        if !known.includes_vv(version) || closed != *version {
            let context = "the document has no such version";
            return Err(Error::new(Kind::NotFound, context));
        }
        Ok(At {
            version: closed,
            hanging: Vec::new(),
        })
    }

    /// Where an edit stands in the order.
    pub(super) fn place_of(&self, edit_id: i64) -> Result<usize> {
        let place = self.edits.iter().position(|edit| edit.edit_id == edit_id);
        place.ok_or_else(|| match self.kept_since_us() {
            None => Error::new(Kind::NotFound, "the document has no such edit"),
            Some(us) => {
                let since = instant::write(us);
                let context =
                    format!("the document has no such edit; its history is kept since {since}");
                Error::new(Kind::NotFound, context)
            }
        })
    }

    /// What was before the newest edit that is folded cannot be told any more.
    fn is_kept(&self, us: i64) -> Result<()> {
        match self.kept_since_us() {
            Some(since) if us < since => {
                let context = format!(
                    "the document's history is kept since {}",
                    instant::write(since)
                );
                Err(Error::new(Kind::Gone, context))
            }
            _ => Ok(()),
        }
    }

    /// Takes out whatever builds on what is not in it, edit by edit, until nothing does.
    fn close(&self, version: &mut VersionVector) -> Result<()> {
        let known = self.live.version()?;
        for (peer, end) in version.clone().iter() {
            // Operations that are in no document, for what they build on is in none.
            let most = known.get(peer).copied().unwrap_or(0);
            if *end > most {
                self.cut(version, *peer, most);
            }
        }
        loop {
            let before = version.clone();
            for piece in &self.pieces {
                let end = version.get(&piece.peer).copied().unwrap_or(0);
                if piece.counters.start < end && !piece.fits(version) {
                    self.cut(version, piece.peer, piece.counters.start);
                }
            }
            if *version == before {
                return Ok(());
            }
        }
    }

    /// Takes out a peer's edits from the one on that has the operation at `counter`.
    fn cut(&self, version: &mut VersionVector, peer: u64, counter: i32) {
        let edit = self.row_of(loro::ID::new(peer, counter));
        let end = edit.map_or(counter, |edit| edit.counter_start);
        match end {
            0 => drop(version.remove(&peer)),
            end => drop(version.insert(peer, end)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_time_or_an_id_is_no_name() {
        for text in [
            "26090",
            " 7 ",
            "2026-12-01",
            "2026-12-01T10:30:00Z",
            "1/12/2026",
            "10:30",
            "now",
            "Today",
            "before:7",
            "2026-12-01 10:30:00.5+01",
        ] {
            assert!(reads_as_moment(text), "{text}");
        }
        for text in [
            "",
            "1.0",
            "1.2.3",
            "v2",
            "Draft of 2026-12-01",
            "first",
            "the 7th",
            "a:b",
        ] {
            assert!(!reads_as_moment(text), "{text}");
        }
    }
}
