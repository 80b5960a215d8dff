//! The same on documents with blocks and marks, written by several at once.

use quire::document::blocks::plain_text;
use quire::document::history::{History, Moment, OperationKind};
use quire::document::tree::Node;
use quire::random::Random;

use super::made::{self, account};
use super::{at, budget};
use crate::document::history;
use crate::kit::random;

pub fn random_history(random: &mut Random) -> Vec<quire::document::history::Row> {
    let history = history::History::random(random, false);
    let rows = history.rows.into_iter().enumerate();
    rows.map(|(number, update)| made::row(number, account(0), update))
        .collect()
}

#[test]
fn a_page_at_any_moment_is_what_its_edits_make() {
    let random = &mut Random::new(random::seed());
    for _ in 0..10 {
        let rows = random_history(random);
        let history = History::of(&rows, &budget()).expect("a history");
        for (number, row) in rows.iter().enumerate() {
            let then = at(&history, Moment::Edit(row.edit_id));
            let (doc, version) = made::plain_import(&rows[..=number]);
            assert_eq!(then.version, version);
            let page = history.page_at(&then, &budget()).expect("a page");
            assert_eq!(page, Node::of(&doc));
            let text = history.text_at(&then, &budget()).expect("a text");
            assert_eq!(text, plain_text(&doc));
            let spans = history.blame(&then, &budget()).expect("blame");
            let blamed: String = spans.iter().map(|span| span.text.as_str()).collect();
            assert_eq!(blamed, text, "everything was written by somebody");
        }
    }
}

#[test]
fn differences_of_pages_applied_to_the_old_text_give_the_new_one() {
    let random = &mut Random::new(random::seed());
    for _ in 0..10 {
        let rows = random_history(random);
        let history = History::of(&rows, &budget()).expect("a history");
        for _ in 0..20 {
            let ends = [random.below(rows.len()), random.below(rows.len())];
            let ends = ends.map(|m| at(&history, Moment::Edit(rows[m].edit_id)));
            let [old, new] = [0, 1].map(|i| history.text_at(&ends[i], &budget()).expect("a text"));
            let comparison = history.compare(&ends[0], &ends[1], &budget());
            let differences = comparison.expect("compared").differences();
            assert_eq!(made::apply(&old, &differences), new);
        }
    }
}

#[test]
fn operations_of_pages_have_every_edit_and_each_inserted_character_once() {
    let random = &mut Random::new(random::seed());
    for _ in 0..10 {
        let rows = random_history(random);
        let history = History::of(&rows, &budget()).expect("a history");
        let from = at(&history, Moment::Time(0));
        let to = at(&history, Moment::Now);
        let operations = history.operations(&from, &to, 1_000_000, &budget());
        let operations = operations.expect("operations");
        for row in &rows {
            let of_it = operations
                .iter()
                .filter(|operation| operation.edit.edit_id == row.edit_id);
            let (mut count, mut inserted) = (0, String::new());
            for operation in of_it {
                count += 1;
                if operation.kind == OperationKind::Insert {
                    inserted.push_str(&operation.text);
                }
            }
            assert!(count > 0, "every edit is there");
            assert_eq!(inserted, inserted_by(&rows, row.edit_id), "{}", row.edit_id);
        }
    }
}

/// What an edit inserts, as Loro's own JSON says it.
fn inserted_by(rows: &[quire::document::history::Row], edit_id: i64) -> String {
    let (doc, _) = made::plain_import(rows);
    let row = rows.iter().find(|row| row.edit_id == edit_id);
    let row = row.expect("a row");
    let span = loro::IdSpan::new(row.peer, row.counter_start, row.counter_end);
    let changes = doc.export_json_in_id_span(span);
    let operations = changes.into_iter().flat_map(|change| change.ops);
    let texts = operations.filter_map(|operation| match operation.content {
        loro::JsonOpContent::Text(loro::JsonTextOp::Insert { text, .. }) => Some(text),
        _ => None,
    });
    texts.collect()
}
