//! A history without Quire: what plain Loro documents make of it.

use loro::{ExportMode, LoroDoc};

use super::copy::Copy;
use super::trace::Trace;
use crate::error::{Error, Kind, Result};

/// The text that results when everybody knows everything. Peers are the authors' numbers.
///
/// # Errors
/// `Internal` when an edit's position is not in its text.
pub fn end_content(trace: &Trace) -> Result<String> {
    let all = LoroDoc::new();
    let copies = (0..trace.authors)
        .map(|author| Copy::new(LoroDoc::new(), peer(author), "text"))
        .collect::<Result<Vec<_>>>()?;
    // For each author: the counters after each of its edits.
    let mut ends = vec![vec![0]; trace.authors];
    for (index, edit) in trace.edits.iter().enumerate() {
        let copy = &copies[edit.author];
        let known = trace.known(index).iter().enumerate();
        let known: Vec<_> = known
            .map(|(author, known)| (peer(author), ends[author][*known as usize]))
            .collect();
        copy.learn(&all, &known)?;
        let update = copy.write(edit)?;
        all.import(&update)
            .map_err(|error| Error::caused(Kind::Internal, "import an edit", error))?;
        let end = ends[edit.author][ends[edit.author].len() - 1] + edit.operations() as i32;
        ends[edit.author].push(end);
    }
    let merged = LoroDoc::new();
    all.export(ExportMode::all_updates())
        .map_err(|error| Error::caused(Kind::Internal, "export a history", error))
        .and_then(|updates| {
            merged
                .import(&updates)
                .map_err(|error| Error::caused(Kind::Internal, "import a history", error))
        })?;
    Ok(merged.get_text("text").to_string())
}

fn peer(author: usize) -> u64 {
    author as u64 + 1
}
