//! The same on recorded histories, where there are some: `QUIRE_TRACES` names the folder with the
//! files of the public collection josephg/editing-traces.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use quire::document::blocks::plain_text;
use quire::document::history::{History, Moment};
use quire::document::operations::Operation;
use quire::random::Random;
use quire::replay::trace::{Edit, Trace};

use super::made::{self, account, rows_at_once, rows_in_turns};
use super::restored::{passes, snapshot, take_in, trial};
use super::{at, budget};
use crate::kit::random;

/// A recorded history; says that the test is skipped when it is not there.
fn recorded(name: &str) -> Option<Trace> {
    let file = std::env::var_os("QUIRE_TRACES")
        .map(|folder| PathBuf::from(folder).join(name))
        .filter(|file| file.exists());
    let Some(file) = file else {
        println!("skipped: QUIRE_TRACES names no folder with {name}");
        return None;
    };
    Some(Trace::read(&file).expect("a recorded history"))
}

fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = what();
    (result, start.elapsed())
}

#[test]
fn the_text_of_a_recorded_history_is_its_own_at_a_hundred_moments() {
    let Some(trace) = recorded("automerge-paper.json.gz") else {
        return;
    };
    let rows = rows_in_turns(&trace);
    let (history, read) = timed(|| History::of(&rows, &budget()).expect("a history"));
    let random = &mut Random::new(random::seed());
    let mut moments: Vec<usize> = (0..100)
        .map(|_| random.below(trace.edits.len() + 1))
        .collect();
    let first = moments[0];
    let mut expected = Vec::new();
    moments.sort_unstable();
    let mut text: Vec<char> = Vec::new();
    let mut done = 0;
    for moment in &moments {
        for edit in &trace.edits[done..*moment] {
            quire::replay::synthetic::apply(&mut text, edit);
        }
        done = *moment;
        expected.push(text.iter().collect::<String>());
    }
    let text_at = |moment: usize| {
        let then = at(&history, Moment::Edit(rows[moment].edit_id));
        history.text_at(&then, &budget()).expect("a text")
    };
    let (_, cold) = timed(|| text_at(first));
    let mut wrong = 0;
    let mut times = Vec::new();
    for (moment, expected) in moments.iter().zip(&expected) {
        let (text, time) = timed(|| text_at(*moment));
        wrong += usize::from(text != *expected);
        times.push(time);
    }
    times.sort_unstable();
    println!(
        "automerge-paper: {} rows; cold {:?} (read {read:?}); then median {:?}, longest {:?}",
        rows.len(),
        read + cold,
        times[50],
        times[99]
    );
    assert_eq!(wrong, 0, "of 100 moments");
    let now = at(&history, Moment::Now);
    let (spans, time) = timed(|| history.blame(&now, &budget()).expect("blame"));
    println!("blame: {} spans in {time:?}", spans.len());
    let text: String = spans.iter().map(|span| span.text.as_str()).collect();
    assert_eq!(text, trace.end_content);
    let half = at(&history, Moment::Edit(rows[rows.len() / 2].edit_id));
    let (comparison, time) = timed(|| history.compare(&half, &now, &budget()));
    let differences = comparison.expect("compared").differences();
    println!("diff of its halves: {} runs in {time:?}", differences.len());
    let old = history.text_at(&half, &budget()).expect("a text");
    assert_eq!(made::apply(&old, &differences), trace.end_content);
}

#[test]
fn the_operations_of_a_long_history_have_every_edit() {
    let trace = recorded("automerge-paper.json.gz").unwrap_or_else(|| {
        println!("a made-up history stands for it");
        quire::replay::synthetic::trace(7, 2, 6_000)
    });
    let rows = rows_in_turns(&trace);
    let history = History::of(&rows, &budget()).expect("a history");
    let from = at(&history, Moment::Edit(rows[0].edit_id));
    let to = at(&history, Moment::Now);
    let (operations, time) = timed(|| history.operations(&from, &to, 1_000_000, &budget()));
    let operations = operations.expect("operations");
    println!(
        "{} operations of {} edits in {time:?}",
        operations.len(),
        trace.edits.len()
    );
    let mut text: Vec<char> = Vec::new();
    let mut left = &operations[..];
    for (row, edit) in rows[1..].iter().zip(&trace.edits) {
        let count = left.iter().take_while(|o| o.edit.edit_id == row.edit_id);
        let (of_it, rest) = left.split_at(count.count());
        assert!(!of_it.is_empty(), "{edit:?}");
        left = rest;
        made::replay(&mut text, &of_it.iter().collect::<Vec<_>>());
    }
    let now = history.text_at(&to, &budget()).expect("a text");
    assert_eq!(text.into_iter().collect::<String>(), now);
}

/// The oracle: the same history with each author's own letter in the place of what was typed.
#[test]
fn blame_names_the_author_of_every_character_that_two_wrote_at_once() {
    let Some(trace) = recorded("friendsforever.json.gz") else {
        return;
    };
    let letter = |edit: &Edit| Edit {
        inserted: edit
            .inserted
            .chars()
            .map(|_| char::from(b'A' + edit.author as u8))
            .collect(),
        ..edit.clone()
    };
    let rows = rows_at_once(&trace, Edit::clone);
    let (lettered, _) = made::plain_import(&rows_at_once(&trace, letter));
    let letters = plain_text(&lettered);
    let history = History::of(&rows, &budget()).expect("a history");
    let now = at(&history, Moment::Now);
    let text = history.text_at(&now, &budget()).expect("a text");
    assert_eq!(text, trace.end_content);
    let (spans, time) = timed(|| history.blame(&now, &budget()).expect("blame"));
    println!("friendsforever: {} spans in {time:?}", spans.len());
    let named = spans
        .iter()
        .flat_map(|span| span.text.chars().map(|_| span.account_id));
    let wrong = named
        .zip(letters.chars())
        .filter(|(named, letter)| *named != account(usize::from(*letter as u8 - b'A')))
        .count();
    assert_eq!((wrong, letters.chars().count()), (0, text.chars().count()));
    let random = &mut Random::new(random::seed());
    for _ in 0..5 {
        let moment = random.below(rows.len());
        let then = at(&history, Moment::Edit(rows[moment].edit_id));
        let (plain, version) = made::plain_import(&rows[..=moment]);
        assert_eq!(then.version, version);
        let text = history.text_at(&then, &budget()).expect("a text");
        assert_eq!(text, plain_text(&plain));
    }
}

/// 104,852 characters: what they were at a quarter, a half and three quarters of their making.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_text_is_made_as_it_was_and_passes_the_trial() {
    let Some(trace) = recorded("automerge-paper.json.gz") else {
        return;
    };
    let rows = rows_in_turns(&trace);
    let history = History::of(&rows, &budget()).expect("a history");
    let trial = trial();
    for quarter in 1..4 {
        let row = &rows[rows.len() * quarter / 4];
        let (doc, now) = made::plain_import(&rows);
        let then = at(&history, Moment::Edit(row.edit_id));
        let before = snapshot(&doc);
        let version = then.version.clone();
        let (update, time) = timed(|| take_in(&doc, &now, Operation::Restore { version }));
        println!("{quarter} quarters: {} bytes in {time:?}", update.len());
        let text = history.text_at(&then, &budget()).expect("a text");
        assert_eq!(plain_text(&doc), text);
        passes(&trial, before, update).await;
    }
}
