//! Moves while everything goes well.

use quire::moving::{self, Step};

use super::road::Road;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organisation_moves_while_people_write_and_nothing_is_lost() {
    let road = Road::with(3, 7).await;
    road.until_written(&road.from, 20).await;
    let mut steps = Vec::new();
    let moved = moving::run(&road.settings(), |step| steps.push(step))
        .await
        .expect("it moves");
    println!("{moved:?}");
    assert_eq!(moved.documents, 4, "the first draft, too");
    assert!(
        matches!(steps.last(), Some(Step::Opened { .. })),
        "{steps:?}"
    );
    road.until_written(&road.to, 20).await;
    println!(
        "the longest pause in a document's edits: {:?}",
        road.longest_pause().await
    );
    // It has moved, and nothing more happens.
    let again = moving::run(&road.settings(), |step| panic!("{step:?}"))
        .await
        .expect("nothing is to be done");
    assert!(again.closed_for.is_zero());
    let verdict = road.judge().await;
    let counted = serde_json::to_string(&verdict).expect("JSON");
    println!("moved: {counted}");
    assert!(verdict.is_right(), "{:#?}", verdict.complaints);
    assert!(verdict.acked > 100, "{} words", verdict.acked);
}
