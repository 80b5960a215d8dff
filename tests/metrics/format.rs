//! What `promtool check metrics` looks at, and what the text format demands
//! (prometheus.io/docs/instrumenting/exposition_formats).

use std::collections::{BTreeMap, BTreeSet};

/// One line with a value.
struct Series<'a> {
    name: &'a str,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// Fails on the first line that is wrong.
pub fn check(text: &str) {
    assert!(text.ends_with('\n'), "the last line ends");
    let mut helped = BTreeSet::new();
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    let mut current = "";
    let mut series: Vec<Series<'_>> = Vec::new();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a name and a help");
            assert!(helped.insert(name), "{name} has two helps");
            assert!(help.ends_with('.') && help.len() > 5, "{name}: {help:?}");
            current = name;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a kind");
            assert_eq!(name, current, "help and kind stand together");
            assert!(kinds.insert(name, kind).is_none(), "{name} has two kinds");
            convention(name, kind);
        } else {
            let one = read(line);
            let base = match kinds[current] {
                "histogram" => ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|end| one.name.strip_suffix(end))
                    .unwrap_or(one.name),
                _ => one.name,
            };
            assert_eq!(
                base, current,
                "the lines of one metric stand together: {line}"
            );
            assert!(one.value.is_finite(), "{line}");
            let key = format!("{} {:?}", one.name, one.labels);
            assert!(seen.insert(key), "twice: {line}");
            series.push(one);
        }
    }
    assert_eq!(
        helped,
        kinds.keys().copied().collect(),
        "each has help and kind"
    );
    for (name, kind) in kinds {
        match kind {
            "histogram" => histogram(name, &series),
            "counter" => {
                let own = series.iter().filter(|one| one.name == name);
                assert!(own.clone().count() > 0, "{name} has no value");
                assert!(own.clone().all(|one| one.value >= 0.0), "{name}");
            }
            _ => {}
        }
    }
}

/// Names and units by convention.
fn convention(name: &str, kind: &str) {
    assert!(name.starts_with("quire_"), "{name}");
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    assert!(name.chars().all(is_word), "{name}");
    assert!(
        ["counter", "gauge", "histogram"].contains(&kind),
        "{name} is a {kind}"
    );
    assert_eq!(
        kind == "counter",
        name.ends_with("_total"),
        "{name} is a {kind}"
    );
    for end in ["_bucket", "_sum", "_count"] {
        assert!(
            !name.ends_with(end),
            "{name} looks like part of a histogram"
        );
    }
    let words: Vec<&str> = name.split('_').collect();
    // Base units, spelled out, and no kind within the name.
    for bad in [
        "ms",
        "milliseconds",
        "microseconds",
        "minutes",
        "hours",
        "kb",
        "mb",
        "kib",
        "mib",
        "kilobytes",
        "percent",
        "counter",
        "gauge",
        "histogram",
    ] {
        assert!(!words.contains(&bad), "{name}: {bad}");
    }
    // The unit comes last, but for _total.
    for unit in ["seconds", "bytes"] {
        let stem = name.trim_end_matches("_total");
        assert!(!words.contains(&unit) || stem.ends_with(unit), "{name}");
    }
}

fn histogram(name: &str, series: &[Series<'_>]) {
    let of = |end: &str| {
        let full = format!("{name}{end}");
        let found = series.iter().filter(move |one| one.name == full);
        found.collect::<Vec<_>>()
    };
    let buckets = of("_bucket");
    let (sum, count) = (of("_sum"), of("_count"));
    assert_eq!((sum.len(), count.len()), (1, 1), "{name}");
    let (mut below, mut bound) = (0.0, f64::NEG_INFINITY);
    for bucket in &buckets {
        let le = match bucket.labels["le"].as_str() {
            "+Inf" => f64::INFINITY,
            text => text.parse().expect("a bound"),
        };
        assert!(le > bound, "{name}: bounds ascend");
        assert!(
            bucket.value >= below,
            "{name}: buckets include the lower ones"
        );
        (below, bound) = (bucket.value, le);
    }
    assert_eq!(bound, f64::INFINITY, "{name} ends with +Inf");
    assert!(
        (below - count[0].value).abs() < 0.5,
        "{name}: +Inf is the count"
    );
}

/// `name{label="value",…} 1.5`, with escapes.
fn read(line: &str) -> Series<'_> {
    let end = line
        .find(['{', ' '])
        .unwrap_or_else(|| panic!("no value: {line}"));
    let name = &line[..end];
    let mut labels = BTreeMap::new();
    let mut rest = &line[end..];
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            let (value, after) = unescape(after);
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("{line}"));
    let value = value.parse().unwrap_or_else(|e| panic!("{line}: {e}"));
    Series {
        name,
        labels,
        value,
    }
}

/// A label's value up to its closing quote, and what follows.
fn unescape(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, c @ ('\\' | '"'))) => value.push(c),
                other => panic!("{other:?} is not to be escaped: {text}"),
            },
            c => value.push(c),
        }
    }
    panic!("no closing quote: {text}")
}

#[test]
fn what_is_wrong_with_the_format_is_seen() {
    let good = "# HELP quire_x_total X things.\n# TYPE quire_x_total counter\nquire_x_total{a=\"\\\"b\"} 1\n";
    check(good);
    for (from, to) in [
        ("# HELP quire_x_total X things.\n", ""),
        ("counter", "gauge"),
        ("} 1", "} x"),
        ("} 1\n", "} 1\nquire_x_total{a=\"\\\"b\"} 2\n"),
        ("\\\"b", "\\tb"),
        ("quire_x_total", "quire_x_ms_total"),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good);
        let checked = std::panic::catch_unwind(|| check(&bad));
        assert!(checked.is_err(), "{bad}");
    }
}
