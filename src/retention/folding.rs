//! Old edits made into one update, and the proof that nothing is lost by it. Functions of bytes: no I/O.

use loro::{ExportMode, LoroDoc, LoroValue, VersionVector};

use crate::document::live::LiveDocument;
use crate::error::{Error, Kind, Result};

/// One row of a document, as `old_edits.sql` reads it.
#[derive(Debug, Clone)]
pub(super) struct OldEdit {
    /// Decimal, 64 bits.
    pub xid: u64,
    pub edit_id: i64,
    pub peer: u64,
    pub counter_end: i32,
    /// Microseconds since 1970.
    pub created_us: i64,
    pub update: Vec<u8>,
    /// Whether it may be folded.
    pub is_old: bool,
}

/// What takes the place of rows.
pub(super) struct Folding {
    pub update: Vec<u8>,
    pub version: VersionVector,
    /// The rows, by their places.
    pub rows: Vec<usize>,
}

impl Folding {
    /// Folds the old ones among `edits` into the fold that there is. One that builds on what is not old, or
    /// not there, stays a row. `None`: there is nothing to fold.
    ///
    /// # Errors
    /// `Internal` when Loro cannot do it, or a row cannot be read.
    pub fn of(fold: Option<&[u8]>, edits: &[OldEdit]) -> Result<Option<Self>> {
        let old = || edits.iter().enumerate().filter(|(_, edit)| edit.is_old);
        if old().next().is_none() {
            return Ok(None);
        }
        let mut live = LiveDocument::empty();
        live.read(LoroDoc::detach)?;
        let updates = fold
            .into_iter()
            .chain(old().map(|(_, edit)| &edit.update[..]));
        import(&mut live, updates)?;
        let version = live.version()?;
        let is_in =
            |edit: &OldEdit| version.get(&edit.peer).copied().unwrap_or(0) >= edit.counter_end;
        let rows: Vec<usize> = old()
            .filter(|(_, edit)| is_in(edit))
            .map(|(at, _)| at)
            .collect();
        if rows.is_empty() {
            return Ok(None);
        }
        let update = live.read(|doc| doc.export(ExportMode::all_updates()))?;
        let update = update.map_err(|e| Error::caused(Kind::Internal, "export a fold", e))?;
        Ok(Some(Self {
            update,
            version,
            rows,
        }))
    }

    /// Builds the document twice, of what there was and of what there will be, and compares.
    ///
    /// # Errors
    /// `Internal`, with what differs, when they are not the same.
    pub fn verify(&self, fold: Option<&[u8]>, edits: &[OldEdit]) -> Result<()> {
        let mut is_folded = vec![false; edits.len()];
        for row in &self.rows {
            is_folded[*row] = true;
        }
        let all = edits.iter().map(|edit| &edit.update[..]);
        let before = whole(fold.into_iter().chain(all))?;
        let rest = edits
            .iter()
            .zip(&is_folded)
            .filter(|(_, is_folded)| !**is_folded);
        let rest = rest.map(|(edit, _)| &edit.update[..]);
        let after = whole(std::iter::once(&self.update[..]).chain(rest))?;
        let differs = |what: &str| {
            let context = format!("the document made of the fold has another {what}");
            Err(Error::new(Kind::Internal, context))
        };
        if before.0 != after.0 {
            return differs("version");
        }
        if before.1 != after.1 {
            return differs("content");
        }
        // What is folded must be there without the rows, not because of them.
        let alone = whole(std::iter::once(&self.update[..]))?;
        let is_missing = |row: &&usize| {
            let edit = &edits[**row];
            alone.0.get(&edit.peer).copied().unwrap_or(0) < edit.counter_end
        };
        if self.rows.iter().any(|row| is_missing(&row)) {
            return differs("past");
        }
        Ok(())
    }
}

fn whole<'u>(updates: impl Iterator<Item = &'u [u8]>) -> Result<(VersionVector, LoroValue)> {
    let mut live = LiveDocument::empty();
    import(&mut live, updates)?;
    Ok((live.version()?, live.read(LoroDoc::get_deep_value)?))
}

fn import<'u>(live: &mut LiveDocument, updates: impl Iterator<Item = &'u [u8]>) -> Result<()> {
    for update in updates {
        let imported = live.import(update);
        imported.map_err(|e| Error::caused(Kind::Internal, "read a row", e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two people who write in turns, an edit a row; the first `old` of them are old.
    fn edits(count: usize, old: usize) -> Vec<OldEdit> {
        let doc = LoroDoc::new();
        let mut edits = Vec::new();
        for number in 0..count {
            let peer = number as u64 % 2 + 1;
            doc.set_peer_id(peer).expect("a peer");
            let before = doc.oplog_vv();
            let text = doc.get_text("text");
            text.insert(text.len_unicode() / 2, &format!("{number} "))
                .expect("written");
            if number % 5 == 4 {
                text.delete(0, 2).expect("deleted");
            }
            doc.commit();
            edits.push(OldEdit {
                xid: number as u64,
                edit_id: number as i64,
                peer,
                counter_end: doc.oplog_vv().get(&peer).copied().expect("written"),
                created_us: number as i64,
                update: doc.export(ExportMode::updates(&before)).expect("exported"),
                is_old: number < old,
            });
        }
        edits
    }

    #[test]
    fn a_fold_has_everything_and_a_later_one_too() {
        let all = edits(40, 30);
        let first = Folding::of(None, &all[..25])
            .expect("folded")
            .expect("something");
        assert_eq!(first.rows.len(), 25);
        first.verify(None, &all[..25]).expect("the same");
        let second = Folding::of(Some(&first.update), &all[25..])
            .expect("folded")
            .expect("something");
        assert_eq!(second.rows, [0, 1, 2, 3, 4]);
        second
            .verify(Some(&first.update), &all[25..])
            .expect("the same");
    }

    #[test]
    fn what_builds_on_a_younger_edit_stays_a_row() {
        let mut all = edits(10, 10);
        all[3].is_old = false;
        let folding = Folding::of(None, &all).expect("folded").expect("something");
        assert_eq!(folding.rows, [0, 1, 2]);
        folding.verify(None, &all).expect("the same");
        all[0].is_old = false;
        assert!(Folding::of(None, &all).expect("folded").is_none());
    }

    /// What the proof is for: a fold that lacks something is never let through.
    #[test]
    fn a_fold_that_lacks_an_edit_is_found() {
        let all = edits(20, 15);
        let right = Folding::of(None, &all).expect("folded").expect("something");
        let fewer = Folding::of(None, &all[..9])
            .expect("folded")
            .expect("something");
        let wrong = Folding {
            update: fewer.update,
            ..right
        };
        assert!(wrong.verify(None, &all).is_err());
        let nothing = Folding {
            update: LoroDoc::new()
                .export(ExportMode::all_updates())
                .expect("exported"),
            version: VersionVector::default(),
            rows: vec![19],
        };
        assert!(nothing.verify(None, &all).is_err(), "the newest is gone");
    }
}
