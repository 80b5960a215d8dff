//! Metrics: what is counted can be seen.

mod format;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::http::site::exchange;
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
    let kinds = [": Counter", ": Gauge", ": Histogram", ": Seconds"];
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

/// What a running server prints.
async fn printed() -> String {
    let world = World::with_servers(1).await;
    let host = world.servers[0].address();
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let answer = exchange(host, &request).await;
    assert_eq!(answer.status, 200);
    world.stop().await;
    String::from_utf8(answer.body).expect("text")
}

/// Name and kind of every metric.
fn types(text: &str) -> BTreeMap<&str, &str> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|line| line.split_once(' ').expect("name and kind"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_documented_and_no_other() {
    let text = printed().await;
    let shown = types(&text);
    let page = include_str!("../docs/metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut documented = BTreeMap::new();
    for row in rows {
        let (name, rest) = row.split_once("` | ").expect("a name and more");
        let columns: Vec<&str> = rest.split(" | ").collect();
        assert_eq!(columns.len(), 3, "{row}");
        let kind = columns[0].split([',', ' ']).next().expect("a kind");
        assert!(
            documented.insert(name, kind).is_none(),
            "{name} stands twice"
        );
    }
    assert_eq!(documented, shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_format_is_as_prometheus_wants_it() {
    let text = printed().await;
    format::check(&text);
}

/// The names of metrics in an expression.
fn named(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("quire_"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_and_the_alerts_ask_for_metrics_that_there_are() {
    let text = printed().await;
    let shown = types(&text);
    let dashboard = include_str!("../compose/grafana/dashboards/quire.json");
    let dashboard: Value = serde_json::from_str(dashboard).expect("the dashboard is JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    let queries = targets
        .flatten()
        .map(|target| target["expr"].as_str().expect("an expression"));
    let alerts = include_str!("../compose/alerts.yml");
    let rules = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr: "));
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(
            ids.insert(panel["id"].as_u64()),
            "panels have ids of their own"
        );
        assert!(panel["gridPos"]["w"].is_u64(), "{panel}");
    }
    let mut used = BTreeSet::new();
    for expression in queries.chain(rules) {
        let depth = |c| expression.matches(c).count();
        assert_eq!(depth('('), depth(')'), "{expression}");
        for name in named(expression) {
            let base = name.trim_end_matches("_bucket");
            assert!(shown.contains_key(base), "{name} of {expression}");
            // What only grows is asked how fast, what goes up and down is not.
            let is_rate = expression.contains("rate(") || expression.contains("increase(");
            assert_eq!(shown[base] != "gauge", is_rate, "{expression}");
            used.insert(base);
        }
    }
    assert!(used.len() > 20, "only {used:?}: the search is broken");
}
