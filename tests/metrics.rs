//! Metrics: what is counted can be seen.

use std::fs;
use std::path::{Path, PathBuf};

use crate::kit::server::World;

/// The Rust files below `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it is there");
    let paths = entries.map(|entry| entry.expect("it is read").path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// The names of the metrics that a source declares: the first string after each such static.
fn declared(source: &str) -> Vec<String> {
    let kinds = [": Counter", ": Gauge", ": Histogram"];
    let statics = source
        .split("\nstatic ")
        .skip(1)
        .chain(source.split(" static ").skip(1));
    statics
        .filter(|text| {
            let line = text.lines().next().unwrap_or_default();
            kinds.iter().any(|kind| line.contains(kind))
        })
        .filter_map(|text| text.split('"').nth(1).map(str::to_owned))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_that_is_declared_is_shown() {
    let world = World::with_servers(1).await;
    let text = quire::metrics::text();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut names = 0;
    for path in sources(&folder) {
        // Its own examples and tests are not counted.
        if path.ends_with("src/metrics.rs") {
            continue;
        }
        for name in declared(&fs::read_to_string(&path).expect("it is read")) {
            assert!(
                text.contains(&format!("# TYPE {name} ")),
                "{name} of {} is not registered",
                path.display()
            );
            names += 1;
        }
    }
    assert!(names > 10, "only {names} were found: the search is broken");
    drop(world);
}
