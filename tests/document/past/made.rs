//! Rows made of a history of keystrokes, and what is expected of them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use loro::{LoroDoc, LoroText, VersionVector};
use quire::document::history::{Change, Difference, OperationKind, OperationRow, Row};
use quire::document::model;
use quire::document::update::update_meta;
use quire::replay::copy::Copy;
use quire::replay::trace::{Edit, Trace};
use uuid::Uuid;

/// The peer of the server, and that of the first author.
const SERVER: u64 = 1;
const AUTHORS: u64 = 10;

/// When the document was made: microseconds since 1970.
pub const BEGIN_US: i64 = 1_700_000_000_000_000;

/// Rows of a document, its seed before the edits of the trace.
pub struct Made {
    pub trace: Trace,
    pub rows: Vec<Row>,
    /// The text after so many edits of the trace, with the author of each character. Only of those
    /// who take turns.
    pub texts: Vec<Vec<(char, usize)>>,
}

/// The peer that an author writes with.
pub fn peer(author: usize) -> u64 {
    AUTHORS + author as u64
}

/// Whose account an author has.
pub fn account(author: usize) -> Uuid {
    Uuid::from_u128(0xacc0 + author as u128)
}

impl Made {
    /// Of people who take turns.
    pub fn of(trace: &Trace) -> Self {
        let mut texts = vec![Vec::new()];
        for edit in &trace.edits {
            let mut text = texts.last().expect("there is one").clone();
            let gone = edit.position..edit.position + edit.deleted;
            text.splice(gone, edit.inserted.chars().map(|c| (c, edit.author)));
            texts.push(text);
        }
        Self {
            rows: rows_in_turns(trace),
            trace: trace.clone(),
            texts,
        }
    }

    /// The row after which the text is that of so many edits.
    pub fn row_of(&self, edits: usize) -> &Row {
        &self.rows[edits]
    }

    /// The text after so many edits.
    pub fn text(&self, edits: usize) -> String {
        self.texts[edits].iter().map(|(c, _)| c).collect()
    }
}

/// The rows of people who take turns: each knows everything before.
pub fn rows_in_turns(trace: &Trace) -> Vec<Row> {
    let (doc, mut rows) = begun();
    let text = model::body(&doc);
    let made = Arc::new(Mutex::new(Vec::new()));
    let last = made.clone();
    let _made = doc.subscribe_local_update(Box::new(move |update| {
        last.lock().expect("not poisoned").clone_from(update);
        true
    }));
    let mut author = usize::MAX;
    for edit in &trace.edits {
        if author != edit.author {
            author = edit.author;
            doc.set_peer_id(peer(author)).expect("a peer");
        }
        write(&text, edit);
        doc.commit();
        let update = std::mem::take(&mut *made.lock().expect("not poisoned"));
        rows.push(row(rows.len(), account(author), update));
    }
    rows
}

/// The rows of people who write at once, each with what the author knew. `changed` may put other
/// characters in the place of those inserted.
pub fn rows_at_once(trace: &Trace, changed: impl Fn(&Edit) -> Edit) -> Vec<Row> {
    let (doc, mut rows) = begun();
    let copies: Vec<Copy> = (0..trace.authors)
        .map(|author| Copy::new(doc.fork(), peer(author), model::BODY).expect("a copy"))
        .collect();
    // For each author: the counters after its first, second, … edit.
    let mut counters: Vec<Vec<i32>> = vec![vec![0]; trace.authors];
    for (index, edit) in trace.edits.iter().enumerate() {
        let copy = &copies[edit.author];
        let known: Vec<(u64, i32)> = trace
            .known(index)
            .iter()
            .enumerate()
            .filter(|(author, _)| *author != edit.author)
            .map(|(author, count)| (peer(author), counters[author][*count as usize]))
            .collect();
        copy.learn(&doc, &known).expect("known");
        let update = copy.write(&changed(edit)).expect("written");
        doc.import(&update).expect("imported");
        counters[edit.author].push(copy.counter(peer(edit.author)));
        rows.push(row(rows.len(), account(edit.author), update));
    }
    rows
}

/// A new document, and the row that makes it.
pub fn begun() -> (LoroDoc, Vec<Row>) {
    let doc = LoroDoc::new();
    model::configure_text_styles(&doc);
    let seed = model::seed(SERVER);
    doc.import(&seed).expect("the seed");
    (doc, vec![row(0, Uuid::from_u128(1), seed)])
}

pub fn row(number: usize, account_id: Uuid, update: Vec<u8>) -> Row {
    let meta = update_meta(&update).expect("an update");
    Row {
        // Not in the order of time, as ids need not be.
        edit_id: (number as i64 + 1) ^ 1,
        account_id,
        session_id: None,
        peer: meta.peer,
        counter_start: meta.counter_start,
        counter_end: meta.counter_end,
        created_us: BEGIN_US + 1_000 * number as i64,
        update: Bytes::from(update),
    }
}

fn write(text: &LoroText, edit: &Edit) {
    text.delete(edit.position, edit.deleted).expect("deleted");
    text.insert(edit.position, &edit.inserted)
        .expect("inserted");
}

/// Applies one edit's operations: what goes by its place before, what comes by its place after.
pub fn replay(text: &mut Vec<char>, operations: &[&OperationRow]) {
    let of_kind = |kind: OperationKind| {
        let mut found: Vec<(usize, &str)> = operations
            .iter()
            .filter(|operation| operation.kind == kind)
            .filter_map(|operation| Some((operation.position?, operation.text.as_str())))
            .collect();
        found.sort_unstable();
        found
    };
    for (position, gone) in of_kind(OperationKind::Delete).into_iter().rev() {
        let place = position..position + gone.chars().count();
        assert_eq!(text[place.clone()].iter().collect::<String>(), gone);
        text.drain(place);
    }
    for (position, new) in of_kind(OperationKind::Insert) {
        text.splice(position..position, new.chars());
    }
}

/// The new text out of the old one.
pub fn apply(old: &str, differences: &[Difference]) -> String {
    let old: Vec<char> = old.chars().collect();
    let mut new = String::new();
    let mut read = 0;
    for difference in differences {
        new.extend(&old[read..difference.from]);
        read = difference.from;
        assert_eq!(new.chars().count(), difference.to, "{difference:?}");
        match difference.change {
            Change::Added => new.push_str(&difference.text),
            Change::Removed => {
                let end = read + difference.text.chars().count();
                let gone: String = old[read..end].iter().collect();
                assert_eq!(gone, difference.text, "{difference:?}");
                read = end;
            }
            Change::Kept | Change::Reformatted => {}
        }
    }
    new.extend(&old[read..]);
    new
}

/// Who wrote between two moments, whichever is the earlier.
pub fn authors_between(made: &Made, one: usize, other: usize) -> HashSet<Uuid> {
    made.trace.edits[one.min(other)..one.max(other)]
        .iter()
        .map(|edit| account(edit.author))
        .collect()
}

/// The version of rows that are imported one after the other.
pub fn plain_import(rows: &[Row]) -> (LoroDoc, VersionVector) {
    let doc = LoroDoc::new();
    model::configure_text_styles(&doc);
    doc.detach();
    for row in rows {
        doc.import(&row.update).expect("imported");
    }
    doc.attach();
    let version = doc.oplog_vv();
    (doc, version)
}
