//! What a document was at any moment, and who did what: against the texts that the generator and
//! recorded histories have themselves.

mod long;
pub mod made;
mod recorded;
mod restored;
mod rich;

use std::time::Duration;

use quire::document::history::{
    At, Budget, Change, Difference, History, Limits, Moment, OperationKind, OperationRow, by_author,
};
use quire::error::Kind;
use quire::random::Random;
use quire::replay::synthetic;
use uuid::Uuid;

use crate::kit::random;
use made::{Made, account};

/// So much time that no test runs out of it.
fn budget() -> Budget {
    Budget::new(Limits::default(), Duration::from_secs(600))
}

fn at(history: &History, moment: Moment) -> At {
    let at = history.at(&moment).expect("a moment");
    assert_eq!(at.hanging, [] as [i64; 0], "nothing hangs in the air");
    at
}

/// Three people who take turns.
fn made(seed: u64) -> (Made, History) {
    let made = Made::of(&synthetic::trace(seed, 3, 3_000));
    let history = History::of(&made.rows, &budget()).expect("a history");
    (made, history)
}

/// Some moments: before any of the edits of the trace, after all of them, and between.
fn moments(random: &mut Random, made: &Made, count: usize) -> Vec<usize> {
    let last = made.texts.len() - 1;
    let between = (2..count).map(|_| random.below(last + 1));
    [0, last].into_iter().chain(between).collect()
}

#[test]
fn the_text_at_any_moment_is_what_the_people_saw_then() {
    let seed = random::seed();
    let (made, history) = made(seed);
    for moment in moments(&mut Random::new(seed), &made, 100) {
        let row = made.row_of(moment);
        let by_edit = at(&history, Moment::Edit(row.edit_id));
        let by_time = at(&history, Moment::Time(row.created_us));
        assert_eq!(by_edit, by_time);
        let text = history.text_at(&by_edit, &budget()).expect("a text");
        assert_eq!(text, made.text(moment), "moment {moment}");
    }
    let now = at(&history, Moment::Now);
    let text = history.text_at(&now, &budget()).expect("a text");
    assert_eq!(text, made.text(made.texts.len() - 1));
}

#[test]
fn nothing_was_there_before_the_first_edit() {
    let (_, history) = made(1);
    let before = at(&history, Moment::Time(0));
    assert_eq!(history.text_at(&before, &budget()).expect("a text"), "");
    let blame = history.blame(&before, &budget()).expect("blame");
    assert_eq!(blame, []);
}

#[test]
fn blame_names_who_wrote_each_character() {
    let seed = random::seed();
    let (made, history) = made(seed);
    for moment in moments(&mut Random::new(seed), &made, 10) {
        let then = at(&history, Moment::Edit(made.row_of(moment).edit_id));
        let spans = history.blame(&then, &budget()).expect("blame");
        let mut end = 0;
        let mut authors = Vec::new();
        for span in &spans {
            assert_eq!(span.start, end, "spans follow each other");
            end = span.end;
            assert_eq!(span.text.chars().count(), span.end - span.start);
            authors.extend(span.text.chars().map(|c| (c, span.account_id)));
        }
        let expected: Vec<(char, Uuid)> = made.texts[moment]
            .iter()
            .map(|(c, author)| (*c, account(*author)))
            .collect();
        assert_eq!(authors, expected, "moment {moment}");
        let merged = by_author(spans.clone(), i64::MAX);
        assert!(merged.len() <= spans.len());
        let text: String = merged.iter().map(|span| span.text.as_str()).collect();
        assert_eq!(text, made.text(moment));
    }
}

#[test]
fn operations_have_every_edit_and_each_inserted_character_once_and_make_the_text() {
    let (made, history) = made(random::seed());
    let from = at(&history, Moment::Edit(made.row_of(0).edit_id));
    let to = at(&history, Moment::Now);
    let rows = history.operations(&from, &to, 1_000_000, &budget());
    let rows = rows.expect("operations");
    let mut text: Vec<char> = made.text(0).chars().collect();
    for (number, edit) in made.trace.edits.iter().enumerate() {
        let row = made.row_of(number + 1);
        let of_it: Vec<&OperationRow> = rows
            .iter()
            .filter(|operation| operation.edit.edit_id == row.edit_id)
            .collect();
        assert!(!of_it.is_empty(), "edit {number} is there");
        let inserted: usize = of_it
            .iter()
            .filter(|operation| operation.kind == OperationKind::Insert)
            .map(|operation| operation.text.chars().count())
            .sum();
        assert_eq!(inserted, edit.inserted.chars().count());
        assert!(
            of_it
                .iter()
                .all(|o| o.edit.account_id == account(edit.author))
        );
        made::replay(&mut text, &of_it);
        assert_eq!(
            text.iter().collect::<String>(),
            made.text(number + 1),
            "edit {number}"
        );
    }
    let one = made.row_of(1_000);
    let of_one = history.operations_of(one.edit_id, 1_000, &budget());
    let of_one = of_one.expect("operations");
    assert!(of_one.iter().all(|o| o.edit.edit_id == one.edit_id));
    assert!(!of_one.is_empty());
    let few = history.operations(&from, &to, 10, &budget());
    assert_eq!(few.expect_err("too many").kind(), Kind::TooLarge);
}

#[test]
fn a_difference_applied_to_the_old_text_gives_the_new_one_and_names_its_authors() {
    let seed = random::seed();
    let (made, history) = made(seed);
    let random = &mut Random::new(seed);
    for _ in 0..20 {
        let ends = [
            random.below(made.texts.len()),
            random.below(made.texts.len()),
        ];
        let [from, to] = ends.map(|m| at(&history, Moment::Edit(made.row_of(m).edit_id)));
        let comparison = history.compare(&from, &to, &budget()).expect("compared");
        let differences = comparison.differences();
        let old = made.text(ends[0]);
        assert_eq!(
            made::apply(&old, &differences),
            made.text(ends[1]),
            "from {} to {}",
            ends[0],
            ends[1]
        );
        let authors = made::authors_between(&made, ends[0], ends[1]);
        for Difference { change, by, .. } in &differences {
            let by = by.as_ref().expect("somebody did it");
            assert!(authors.contains(&by.account_id), "{change:?} by {by:?}");
        }
        if ends[0] < ends[1] {
            let added = differences.iter().filter(|d| d.change == Change::Added);
            for Difference { to, text, by, .. } in added {
                let by = by.as_ref().map(|edit| edit.account_id);
                let written = &made.texts[ends[1]][*to..*to + text.chars().count()];
                assert!(
                    written
                        .iter()
                        .all(|(_, author)| Some(account(*author)) == by)
                );
            }
        }
    }
}

#[test]
fn an_edit_hangs_in_the_air_when_what_it_builds_on_was_written_later() {
    let mut made = Made::of(&synthetic::trace(5, 2, 200));
    let all = History::of(&made.rows, &budget()).expect("a history");
    let whole = made.text(200);
    // The clock was set back: the edit in the middle seems to be the last.
    let late = made.row_of(100).clone();
    let end_us = made.row_of(200).created_us;
    for row in &mut made.rows {
        if row.edit_id == late.edit_id {
            row.created_us = end_us + 1;
        }
    }
    let history = History::of(&made.rows, &budget()).expect("a history");
    let before = history.at(&Moment::Time(end_us)).expect("a moment");
    assert_eq!(before.hanging.len(), 100, "all that build on it");
    assert!(!before.hanging.contains(&late.edit_id), "it is not of then");
    let text = history.text_at(&before, &budget()).expect("a text");
    assert_eq!(text, made.text(99), "as before the missing edit");
    let after = at(&history, Moment::Time(end_us + 1));
    assert_eq!(history.text_at(&after, &budget()).expect("a text"), whole);
    assert_eq!(after.version, at(&all, Moment::Now).version);
    let rows = history.operations(&at(&history, Moment::Time(0)), &after, 100_000, &budget());
    assert!(rows.expect("operations").len() >= 200);
}

#[test]
fn a_history_grows_by_rows_and_a_row_that_comes_twice_changes_nothing() {
    let made = Made::of(&synthetic::trace(9, 2, 400));
    let (early, late) = made.rows.split_at(150);
    let mut history = History::of(late, &budget()).expect("a history");
    let hanging = history.at(&Moment::Now).expect("a moment");
    assert_eq!(hanging.hanging.len(), late.len(), "nothing to build on");
    history.extend(early, &budget()).expect("extended");
    history.extend(&made.rows, &budget()).expect("extended");
    let whole = History::of(&made.rows, &budget()).expect("a history");
    assert_eq!(history.edits(), whole.edits());
    let [grown, read] = [&history, &whole].map(|history| {
        let then = at(history, Moment::Edit(made.row_of(250).edit_id));
        history.text_at(&then, &budget()).expect("a text")
    });
    assert_eq!(grown, read);
    assert_eq!(grown, made.text(250));
}

#[test]
fn what_is_not_there_is_not_found_and_what_is_too_much_refused() {
    let made = Made::of(&synthetic::trace(2, 1, 50));
    let history = History::of(&made.rows, &budget()).expect("a history");
    let missing = history.at(&Moment::Edit(-1)).expect_err("no such edit");
    assert_eq!(missing.kind(), Kind::NotFound);
    let mut version = at(&history, Moment::Now).version;
    let known = Moment::Version(version.clone());
    assert_eq!(at(&history, known).version, version);
    version.insert(77, 3);
    let unknown = history.at(&Moment::Version(version));
    assert_eq!(unknown.expect_err("no such version").kind(), Kind::NotFound);
    let few = Limits {
        rows: 10,
        ..Limits::default()
    };
    let refused = History::of(&made.rows, &Budget::new(few, Duration::from_secs(60)));
    assert_eq!(refused.expect_err("too many").kind(), Kind::TooLarge);
    let late = Budget::new(Limits::default(), Duration::ZERO);
    let refused = history.text_at(&at(&history, Moment::Now), &late);
    assert_eq!(refused.expect_err("too late").kind(), Kind::Limited);
    let called_off = budget();
    called_off
        .cancel()
        .store(true, std::sync::atomic::Ordering::Relaxed);
    let refused = history.blame(&at(&history, Moment::Now), &called_off);
    assert_eq!(refused.expect_err("called off").kind(), Kind::Limited);
}

#[test]
fn a_row_that_loro_cannot_read_is_left_out() {
    let mut made = Made::of(&synthetic::trace(3, 1, 30));
    let last = made.rows.len() - 1;
    made.rows[last].update = vec![7; 40].into();
    let history = History::of(&made.rows, &budget()).expect("a history");
    assert_eq!(history.set_aside().len(), 1);
    let now = at(&history, Moment::Now);
    let text = history.text_at(&now, &budget()).expect("a text");
    assert_eq!(text, made.text(29));
}
