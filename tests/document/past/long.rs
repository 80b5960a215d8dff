//! A history that is long enough for checkpoints, of people who often do not know what the other wrote.

use loro::ExportMode;
use quire::document::blocks::plain_text;
use quire::document::history::{History, Moment, Row};
use quire::random::Random;

use super::made::{account, begun, peer, row};
use super::{at, budget};
use crate::kit::random;

const EDITS: usize = 400;
/// Characters of the longest edit.
const LONGEST: usize = 300;

/// Rows of some 60,000 operations of two people.
fn written(random: &mut Random) -> Vec<Row> {
    let (doc, mut rows) = begun();
    let people = [doc.fork(), doc.fork()];
    for (author, own) in people.iter().enumerate() {
        own.set_peer_id(peer(author)).expect("a peer");
    }
    for _ in 0..EDITS {
        let author = random.below(2);
        let (own, other) = (&people[author], &people[1 - author]);
        if random.chance(20) {
            let update = other.export(ExportMode::updates(&own.oplog_vv()));
            own.import(&update.expect("exported")).expect("taken in");
        }
        let text = quire::document::model::body(own);
        let (before, length) = (own.oplog_vv(), text.len_unicode());
        let place = random.below(length + 1);
        if random.chance(25) && length > place {
            let gone = random.below((length - place).min(LONGEST)) + 1;
            text.delete(place, gone).expect("deleted");
        } else {
            let new = "word ".repeat(random.below(LONGEST / 5) + 1);
            text.insert(place, &new).expect("inserted");
        }
        own.commit();
        let update = own.export(ExportMode::updates(&before)).expect("exported");
        rows.push(row(rows.len(), account(author), update));
    }
    rows
}

#[test]
fn a_moment_is_the_same_from_whichever_moment_before_it_is_built() {
    let random = &mut Random::new(random::seed());
    let rows = written(random);
    let history = History::of(&rows, &budget()).expect("a history");
    let alone = history.heap_bytes();
    let (whole, _) = super::made::plain_import(&rows);
    for _ in 0..40 {
        let edit_id = rows[1 + random.below(EDITS)].edit_id;
        let then = at(&history, Moment::Edit(edit_id));
        whole
            .checkout(&whole.vv_to_frontiers(&then.version))
            .expect("Loro goes there");
        let text = history.text_at(&then, &budget()).expect("a text");
        assert_eq!(text, plain_text(&whole), "after edit {edit_id}");
    }
    assert!(
        history.heap_bytes() > alone,
        "there are checkpoints, and they are counted"
    );
    assert!(history.heap_bytes() < 3 * alone, "they are bounded");
}
