//! Moves that are cut off at each step, by whatever ends; run again they come to their end.

use std::sync::Arc;

use quire::error::Error;
use quire::moving::{self, Step};
use tokio::sync::Notify;

use super::road::Road;

/// Runs a move, again while it ends of itself for a reason that passes, and kills it when `at` says so;
/// answers the steps that it had come to.
async fn cut_off(road: &Road, at: impl Fn(&Step) -> bool) -> Vec<Step> {
    loop {
        match run_until(road, &at).await {
            Ok(steps) => return steps,
            Err(error) => assert!(error.is_transient(), "it was not cut off: {error:?}"),
        }
        crate::kit::pause().await;
    }
}

/// Errors: as the move ends when it was not cut off.
async fn run_until(road: &Road, at: impl Fn(&Step) -> bool) -> Result<Vec<Step>, Error> {
    let reached = Arc::new(Notify::new());
    let mut steps = Vec::new();
    let settings = road.settings();
    let moving = moving::run(&settings, |step| {
        if at(&step) {
            reached.notify_one();
        }
        steps.push(step);
    });
    tokio::select! {
        biased;
        () = reached.notified() => {}
        moved = moving => {
            let moved = moved?;
            panic!("it was not cut off: {moved:?}");
        }
    }
    Ok(steps)
}

/// Each step that a move says it has reached.
pub(super) const STEPS: [fn(&Step) -> bool; 5] = [
    |step| *step == Step::Begun,
    |step| matches!(step, Step::Copied { .. }),
    |step| *step == Step::Compared,
    |step| *step == Step::Closed,
    |step| matches!(step, Step::Complete { .. }),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_is_killed_at_any_step_is_run_again_to_the_end() {
    let road = Road::with(1, 11).await;
    for at in STEPS {
        road.until_written(&road.from, 5).await;
        let steps = cut_off(&road, at).await;
        println!("{steps:?}");
        if steps.contains(&Step::Closed) {
            // Nobody serves it now; giving up is one way out, going on the other.
            loop {
                match moving::undo(&road.settings()).await {
                    Ok(()) => break,
                    Err(error) => assert!(error.to_string().contains("another command"), "{error}"),
                }
                crate::kit::pause().await;
            }
        }
    }
    // The last time it goes on from a source that is closed.
    road.until_written(&road.from, 5).await;
    cut_off(&road, |step| matches!(step, Step::Complete { .. })).await;
    let moved = road.moved().await;
    println!("{moved:?}");
    road.until_written(&road.to, 5).await;
    let verdict = road.judge().await;
    println!("{verdict:?}");
    assert!(verdict.is_right(), "{:#?}", verdict.complaints);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_dies_in_the_last_second_has_the_source_serve_on() {
    let mut road = Road::with(1, 13).await;
    road.until_written(&road.from, 5).await;
    let settings = road.settings();
    let at: [fn(&Step) -> bool; 2] = [
        |step| *step == Step::Closed,
        |step| matches!(step, Step::Complete { .. }),
    ];
    for (number, at) in at.into_iter().enumerate() {
        let cluster = &mut road.to.cluster;
        let failed = moving::run(&settings, |step| {
            if at(&step) {
                // Without a farewell to anybody; it recovers from its log.
                cluster.stop_immediately();
                cluster.start_again();
            }
        })
        .await;
        let error = failed.expect_err("the target was gone");
        println!("{number}: {error}");
        road.until_written(&road.from, 5).await;
    }
    road.moved().await;
    road.until_written(&road.to, 5).await;
    let verdict = road.judge().await;
    println!("{verdict:?}");
    assert!(verdict.is_right(), "{:#?}", verdict.complaints);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_the_source_that_dies_meanwhile_loses_nothing() {
    let mut road = Road::with(1, 17).await;
    road.until_written(&road.from, 5).await;
    let settings = road.settings();
    let pid = road.from.servers[0].pid().expect("it runs");
    let pid = rustix::process::Pid::from_raw(pid as i32).expect("a process");
    let moved = moving::run(&settings, |step| {
        if step == Step::Compared {
            let killed = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            killed.expect("it is killed");
        }
    })
    .await;
    moved.expect("it moves");
    road.until_written(&road.to, 5).await;
    road.from.servers[0].kill9().await;
    road.from.servers.remove(0);
    let verdict = road.judge().await;
    println!("{verdict:?}");
    assert!(verdict.is_right(), "{:#?}", verdict.complaints);
}
