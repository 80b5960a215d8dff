//! A whole replay on a Postgres and servers of its own.

use clap::Parser;
use quire::replay::{Options, run};

use crate::kit::server::program;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

async fn replay(arguments: &[&str]) {
    let line = Line::try_parse_from(std::iter::once(&"replay").chain(arguments)).expect("options");
    // It fails when any server, the rows or the restarted servers have another text.
    run(&line.options, &program()).await.expect("a replay");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_of_one_author_ends_alike_everywhere() {
    let seed = crate::kit::random::seed().to_string();
    replay(&["--synthetic", &seed, "--edits", "2000"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_of_several_authors_ends_alike_everywhere() {
    let seed = crate::kit::random::seed().to_string();
    let options = [
        "--synthetic",
        &seed,
        "--edits",
        "2000",
        "--writers",
        "3",
        "--json",
    ];
    replay(&options).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paced_history_ends_alike_everywhere() {
    let seed = crate::kit::random::seed().to_string();
    let options = [
        "--synthetic",
        &seed,
        "--edits",
        "300",
        "--rate",
        "500",
        "--servers",
        "1",
    ];
    replay(&options).await;
}
