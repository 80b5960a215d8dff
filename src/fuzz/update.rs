//! What a client sends as an update of a document: the decoder of our own, the checks before Loro,
//! and the whole trial.

use std::panic::catch_unwind;
use std::sync::OnceLock;

use loro::{ExportMode, LoroDoc, LoroValue, VersionVector};

use crate::document::live::LiveDocument;
use crate::document::operations::{self, Operation};
use crate::document::tree::markdown;
use crate::document::trial::copy::Copy;
use crate::document::trial::decode::decode;
use crate::document::trial::meaning::Base;
use crate::document::trial::{Refusal, Verdict};
use crate::document::update::{checksum, update_meta};
use crate::document::{model, operations::Made};

/// Where the checksum stands; bytes that are shorter than a header get none.
const CHECKSUM: std::ops::Range<usize> = 16..20;
const HEADER_BYTES: usize = 22;

/// The rows of the document on which updates are tried: three peers that wrote together and apart.
pub fn base_rows() -> &'static [Vec<u8>] {
    static ROWS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let page = "# Title\n\nA **bold** word and a [link](https://a.example).\n\n\
                    - one\n- two\n\n```\ncode\n```\n\nThe end\n";
        let page = markdown::read(page).expect("Markdown is read");
        let mut rows = vec![model::seed_with(1, &page)];
        let seen = document(&rows);
        // The two do not know of each other; the third has seen both.
        for (peer, text) in [(11, "first words "), (12, "other words ")] {
            rows.push(edit(&seen, peer, text));
        }
        let seen = document(&rows);
        rows.push(edit(&seen, 13, "third "));
        rows
    })
}

/// The same as a snapshot.
pub fn base_snapshot() -> &'static [u8] {
    static SNAPSHOT: OnceLock<Vec<u8>> = OnceLock::new();
    SNAPSHOT.get_or_init(|| {
        document(base_rows())
            .export(ExportMode::Snapshot)
            .expect("an honest document exports")
    })
}

/// A live copy of it.
pub(super) fn base() -> LiveDocument {
    LiveDocument::from_snapshot(base_snapshot()).expect("an honest snapshot loads")
}

fn document(rows: &[Vec<u8>]) -> LoroDoc {
    let doc = LoroDoc::new();
    model::configure_text_styles(&doc);
    for row in rows {
        doc.import(row).expect("an honest row is imported");
    }
    doc
}

fn edit(doc: &LoroDoc, peer: u64, text: &str) -> Vec<u8> {
    let replace = |place, text: &str| Operation::ReplaceText {
        place,
        text: text.to_owned(),
    };
    let blocks = markdown::read(&format!("> *{text}*\n\n1. {text}")).expect("Markdown is read");
    let operations = [
        replace(1..3, text),
        replace(8..12, ""),
        Operation::ReplaceBlocks {
            place: Some(2..3),
            blocks,
        },
    ];
    let made: Made =
        operations::make(doc, &doc.oplog_vv(), peer, &operations).expect("an honest edit is made");
    made.update
}

/// The update with the checksum that its bytes should have: else nothing would be tried but that.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let mut update = bytes.to_vec();
    if update.len() >= HEADER_BYTES {
        let sum = checksum(&update).to_le_bytes();
        update[CHECKSUM].copy_from_slice(&sum);
    }
    update
}

/// The decoder and the checks that stand before Loro.
pub fn update(bytes: &[u8]) {
    let update = sealed(bytes);
    let Ok(meta) = update_meta(&update) else {
        return;
    };
    // As in the trial: the columns' decoder panics on some damage.
    let Ok(Ok(decoded)) = catch_unwind(|| decode(&update)) else {
        return;
    };
    let live = base();
    let durable = live.version().expect("the document is not poisoned");
    let checked = live.read(|doc| {
        let base = Base {
            doc,
            durable: &durable,
        };
        // Their own code, and questions to Loro that only honest documents are asked.
        let checked = base.check(&decoded, meta);
        checked.is_ok_and(|checked| checked.inserted > 10_000_000)
    });
    assert_eq!(checked.ok(), Some(false), "within the limits, or refused");
}

fn staging_copy() -> Copy {
    match Copy::load(base_snapshot()) {
        Ok(copy) => copy,
        Err(has_panicked) => panic!("an honest snapshot loads; panicked: {has_panicked}"),
    }
}

/// Whether the trial lets it through.
pub(super) fn is_good(update: &[u8]) -> bool {
    let mut copy = staging_copy();
    matches!(copy.submit(update, usize::MAX), Verdict::Good(_))
}

/// The whole trial. What Loro panics of is refused; what passes makes no two copies differ.
pub fn trial(bytes: &[u8]) {
    let update = sealed(bytes);
    let mut copy = staging_copy();
    let verdict = copy.submit(&update, usize::MAX);
    if copy.has_panicked() {
        assert_eq!(verdict, Verdict::Refused(Refusal::Harmful));
    }
    if let Verdict::Good(good) = verdict {
        let meta = update_meta(&update).expect("a good update says what it is");
        assert_eq!((good.peer, good.counter_end), (meta.peer, meta.counter_end));
        harmless(&update);
    }
}

/// Whatever way it is taken in, every copy is the same and can be written to.
fn harmless(update: &[u8]) {
    let mut live = base();
    live.import(update).expect("what passed is imported");
    let (value, version) = state(&live);

    let mut rows = LiveDocument::empty();
    for row in base_rows().iter().map(Vec::as_slice).chain([update]) {
        rows.import(row).expect("row by row");
    }
    assert_eq!(state(&rows), (value.clone(), version.clone()), "row by row");

    let all = live.export_from(&VersionVector::default());
    let mut replayed = LiveDocument::empty();
    replayed.import(&all.expect("exported")).expect("replayed");
    assert_eq!(
        state(&replayed),
        (value.clone(), version.clone()),
        "replayed"
    );

    let snapshot = live.snapshot().expect("folded");
    let folded = LiveDocument::from_snapshot(&snapshot).expect("loaded");
    assert_eq!(state(&folded), (value, version), "folded");

    let later = Operation::ReplaceBlocks {
        place: None,
        blocks: markdown::read("later").expect("Markdown is read"),
    };
    let made = live.read(|doc| operations::make(doc, &doc.oplog_vv(), 99, &[later]));
    let made = made.expect("Loro does not panic").expect("written on");
    live.import(&made.update).expect("imported");
    folded.read(|_| ()).expect("still well");
}

fn state(live: &LiveDocument) -> (LoroValue, VersionVector) {
    let value = live.read(LoroDoc::get_deep_value).expect("it can be read");
    (value, live.version().expect("it has a version"))
}
