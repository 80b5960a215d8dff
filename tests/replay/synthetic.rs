//! Made-up histories.

use quire::replay::synthetic::{self, Typist};

use crate::kit::random::{self, Random};

#[test]
fn the_patches_make_the_end_text() {
    let seed = random::seed();
    let trace = synthetic::trace(seed, 3, 20_000);
    let mut text = Vec::new();
    for edit in &trace.edits {
        assert!(edit.position + edit.deleted <= text.len());
        assert!(edit.operations() > 0, "every edit does something");
        synthetic::apply(&mut text, edit);
    }
    assert_eq!(text.into_iter().collect::<String>(), trace.end_content);
}

#[test]
fn a_seed_makes_one_history() {
    let (first, again, other) = (
        synthetic::trace(7, 2, 1_000),
        synthetic::trace(7, 2, 1_000),
        synthetic::trace(8, 2, 1_000),
    );
    assert_eq!(first.edits, again.edits);
    assert_ne!(first.edits, other.edits);
}

#[test]
fn people_burst_correct_jump_and_paste() {
    let trace = synthetic::trace(random::seed(), 4, 20_000);
    let edits = &trace.edits;
    let pastes = edits.iter().filter(|edit| edit.operations() > 10).count();
    let backspaces = edits.iter().filter(|edit| edit.deleted == 1).count();
    let turns = edits.windows(2).filter(|w| w[0].author != w[1].author);
    let (follows, same): (Vec<_>, Vec<_>) = edits
        .windows(2)
        .filter(|w| w[0].author == w[1].author)
        .partition(|w| w[1].position == w[0].position + w[0].inserted.chars().count());
    assert!((50..2_000).contains(&pastes), "{pastes}");
    assert!((500..6_000).contains(&backspaces), "{backspaces}");
    assert!((20..1_000).contains(&turns.count()));
    assert!(follows.len() > same.len(), "bursts");
    assert!(same.len() > 100, "jumps and corrections");
    assert!(edits.iter().any(|edit| !edit.inserted.is_ascii()));
    assert!((0..4).all(|author| edits.iter().any(|edit| edit.author == author)));
}

#[test]
fn a_typist_copes_with_a_text_that_others_change() {
    let mut random = Random::new(random::seed());
    let mut typist = Typist::new(random.bits());
    for _ in 0..10_000 {
        let length = random.below(50);
        let edit = typist.next_edit(length);
        assert!(edit.position + edit.deleted <= length, "{edit:?}");
    }
}
