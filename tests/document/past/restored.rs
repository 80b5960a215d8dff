//! What was is brought back by operations: what that makes, and that the trial lets it through.

use std::path::PathBuf;
use std::time::Instant;

use bytes::Bytes;
use loro::{ExportMode, IdSpan, LoroDoc, VersionVector};
use quire::document::blocks::plain_text;
use quire::document::history::{History, Moment};
use quire::document::operations::{Operation, make};
use quire::document::tree::Node;
use quire::document::trial::{DocKey, Settings, Trial, Verdict};
use quire::random::Random;
use quire::replay::synthetic;
use quire::replay::trace::Trace;
use uuid::Uuid;

use super::made::{self, rows_in_turns};
use super::rich::random_history;
use super::{at, budget};
use crate::kit::random;

/// Somebody who brings something back.
const RESTORER: u64 = 999;

/// Makes an operation at a version and takes it in; answers its update.
pub fn take_in(doc: &LoroDoc, base: &VersionVector, operation: Operation) -> Vec<u8> {
    let made = make(doc, base, RESTORER, &[operation]).expect("made");
    if !made.update.is_empty() {
        doc.import(&made.update).expect("imported");
    }
    made.update
}

pub async fn passes(trial: &Trial, before: Bytes, update: Vec<u8>) {
    if update.is_empty() {
        return;
    }
    let doc = DocKey {
        org_id: Uuid::from_u128(1),
        document_id: Uuid::new_v4(),
    };
    trial.seed(doc, before).await.expect("seeded");
    let verdict = trial.submit(doc, update.into()).await.expect("tried");
    assert!(matches!(verdict, Verdict::Good(_)), "{verdict:?}");
}

pub fn trial() -> Trial {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_quire"));
    Trial::start(program, Settings::default()).expect("start the trial")
}

pub fn snapshot(doc: &LoroDoc) -> Bytes {
    doc.export(ExportMode::Snapshot).expect("exported").into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_made_as_it_was_and_passes_the_trial() {
    let random = &mut Random::new(random::seed());
    let trial = trial();
    for _ in 0..10 {
        let rows = random_history(random);
        let history = History::of(&rows, &budget()).expect("a history");
        for _ in 0..5 {
            let (doc, now) = made::plain_import(&rows);
            let then = &rows[random.below(rows.len())];
            let then = at(&history, Moment::Edit(then.edit_id));
            let before = snapshot(&doc);
            let version = then.version.clone();
            let update = take_in(&doc, &now, Operation::Restore { version });
            let page = history.page_at(&then, &budget()).expect("a page");
            assert_eq!(Node::of(&doc), page);
            passes(&trial, before, update).await;
        }
    }
}

/// The text without what some authors did from `from` to `to`: what others inserted and nobody else deleted.
/// Sorted, as it is not said where what comes back stands beside what was written there meanwhile.
fn without(trace: &Trace, from: usize, to: usize, authors: &[usize]) -> Vec<char> {
    struct Glyph {
        character: char,
        is_theirs: bool,
        is_gone: bool,
        is_gone_by_them: bool,
    }
    let mut all: Vec<Glyph> = Vec::new();
    for (number, edit) in trace.edits.iter().enumerate() {
        let is_theirs = authors.contains(&edit.author) && (from..to).contains(&number);
        let shown: Vec<usize> = (0..all.len()).filter(|at| !all[*at].is_gone).collect();
        for at in &shown[edit.position..edit.position + edit.deleted] {
            all[*at].is_gone = true;
            all[*at].is_gone_by_them = is_theirs;
        }
        let place = shown.get(edit.position + edit.deleted).copied();
        let new = edit.inserted.chars().map(|character| Glyph {
            character,
            is_theirs,
            is_gone: false,
            is_gone_by_them: false,
        });
        let place = place.unwrap_or(all.len());
        all.splice(place..place, new);
    }
    let stays = |glyph: &&Glyph| !glyph.is_theirs && (!glyph.is_gone || glyph.is_gone_by_them);
    let mut text: Vec<char> = all.iter().filter(stays).map(|g| g.character).collect();
    text.sort_unstable();
    text
}

/// With one device, and with two in turns: the second stands for another author of the history.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_author_did_in_a_time_is_taken_back_and_nothing_else() {
    let seed = random::seed();
    let random = &mut Random::new(seed);
    let trial = trial();
    for round in 0..6 {
        let trace = synthetic::trace(seed.wrapping_add(round), 3, 1_200);
        let rows = rows_in_turns(&trace);
        let (doc, now) = made::plain_import(&rows);
        let [from, to] = {
            let mut ends = [
                random.below(trace.edits.len()),
                random.below(trace.edits.len()),
            ];
            ends.sort_unstable();
            ends
        };
        // The version after so many edits.
        let version = |edits: usize| made::plain_import(&rows[..edits + 1]).1;
        let (begin, end) = (version(from), version(to));
        let first = random.below(3);
        let devices = match round % 2 {
            0 => vec![first],
            _ => vec![first, (first + 1) % 3],
        };
        let spans: Vec<IdSpan> = devices
            .iter()
            .filter_map(|device| {
                let peer = made::peer(*device);
                let counter = |version: &VersionVector| version.get(&peer).copied().unwrap_or(0);
                let (start, end) = (counter(&begin), counter(&end));
                (start < end).then(|| IdSpan::new(peer, start, end))
            })
            .collect();
        let operations: i32 = spans.iter().map(|s| s.counter.end - s.counter.start).sum();
        let before = snapshot(&doc);
        let started = Instant::now();
        let update = take_in(&doc, &end, Operation::Undo { spans });
        println!(
            "{operations} operations of {devices:?} from {from} to {to}: {:?}",
            started.elapsed()
        );
        let mut text: Vec<char> = plain_text(&doc).chars().collect();
        text.sort_unstable();
        let expected = without(&trace, from, to, &devices);
        assert_eq!(
            text.iter().collect::<String>(),
            expected.iter().collect::<String>(),
            "round {round}, {devices:?} from {from} to {to}"
        );
        assert!(now.iter().all(|(peer, end)| doc.oplog_vv()[peer] == *end));
        passes(&trial, before, update).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_to_blocks_and_marks_is_taken_back_and_passes_the_trial() {
    let random = &mut Random::new(random::seed());
    let trial = trial();
    for _ in 0..20 {
        let rows = random_history(random);
        let (doc, now) = made::plain_import(&rows);
        let ends: Vec<(u64, i32)> = now.iter().map(|(peer, end)| (*peer, *end)).collect();
        // Not the server's own: without them there is no page.
        let authors: Vec<_> = ends.iter().filter(|(peer, _)| *peer != 1).collect();
        let (peer, end) = **random.pick(&authors);
        let span = IdSpan::new(peer, random.below(end as usize) as i32, end);
        let before = snapshot(&doc);
        let update = take_in(&doc, &now, Operation::Undo { spans: vec![span] });
        passes(&trial, before, update).await;
        // Whoever reads all of it from the rows has the same.
        let again = LoroDoc::new();
        let all = doc.export(ExportMode::all_updates()).expect("exported");
        again.import(&all).expect("imported");
        assert_eq!(Node::of(&doc), Node::of(&again));
    }
    // Alone, an author's work is taken back to nothing.
    let (doc, now) = made::plain_import(&rows_in_turns(&synthetic::trace(4, 1, 500)));
    let peer = made::peer(0);
    let span = IdSpan::new(peer, 0, now[&peer]);
    take_in(&doc, &now, Operation::Undo { spans: vec![span] });
    assert_eq!(plain_text(&doc), "");
}

#[test]
fn marks_are_taken_back_and_those_that_others_set_elsewhere_stay() {
    let (doc, _) = made::plain_import(&rows_in_turns(&synthetic::trace(4, 1, 200)));
    let text = quire::document::model::body(&doc);
    let length = text.len_unicode();
    assert!(length > 20);
    let [one, other] = [21, 22];
    doc.set_peer_id(one).expect("a peer");
    text.mark(0..10, "bold", true).expect("marked");
    text.mark(10..20, "italic", true).expect("marked");
    doc.commit();
    let before = doc.oplog_vv();
    doc.set_peer_id(other).expect("a peer");
    text.mark(0..5, "underline", true).expect("marked");
    doc.commit();
    let now = doc.oplog_vv();
    let span = IdSpan::new(one, 0, before[&one]);
    take_in(&doc, &now, Operation::Undo { spans: vec![span] });
    let marks = |at: usize| {
        let delta = text.slice_delta(at, at + 1, loro::cursor::PosType::Unicode);
        format!("{delta:?}")
    };
    assert!(marks(2).contains("underline"), "{}", marks(2));
    assert!(!marks(2).contains("bold: Bool(true)"), "{}", marks(2));
    assert!(!marks(7).contains("true"), "{}", marks(7));
    assert!(!marks(15).contains("true"), "{}", marks(15));
}

#[test]
fn a_mark_that_others_set_anew_since_is_not_taken_back() {
    let (doc, _) = made::plain_import(&rows_in_turns(&synthetic::trace(4, 1, 200)));
    let text = quire::document::model::body(&doc);
    let end = text.len_unicode();
    let [one, other] = [21, 22];
    doc.set_peer_id(one).expect("a peer");
    text.mark(0..10, "link", "https://one.example")
        .expect("marked");
    text.mark(0..end, "list", "bullet").expect("marked");
    // Longer than what the other does: it is the later one by Loro's clock.
    text.insert(0, &"word ".repeat(20)).expect("typed");
    doc.commit();
    let before = doc.oplog_vv();
    doc.set_peer_id(other).expect("a peer");
    text.mark(103..106, "link", "https://other.example")
        .expect("marked");
    text.mark(0..end + 100, "list", "ordered").expect("marked");
    doc.commit();
    let now = doc.oplog_vv();
    let span = IdSpan::new(one, 0, before[&one]);
    take_in(&doc, &now, Operation::Undo { spans: vec![span] });
    let blocks = quire::document::blocks::read(&doc);
    assert!(
        blocks
            .iter()
            .all(|block| block.word("list") == Some("ordered"))
    );
    let linked = |at: usize| {
        let delta = text.slice_delta(at, at + 1, loro::cursor::PosType::Unicode);
        format!("{delta:?}").contains("https://")
    };
    assert!(!linked(1) && linked(4) && !linked(8));
}
