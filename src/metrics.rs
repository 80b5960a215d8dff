//! Counters, gauges and histograms as statics, and their text form for Prometheus. A metric is
//! declared where it is counted; its module lists it in `METRICS`, and the server registers the lists.
//!
//! ```text
//! static COMMITTED: Counter = Counter::new("quire_edits_committed_total", "Edits that are durable.");
//! pub static METRICS: &[&dyn Metric] = &[&COMMITTED];
//! ```

mod histogram;

use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use self::histogram::{BYTES, COUNTS, Histogram, SECONDS};

/// Something that can be shown to Prometheus.
pub trait Metric: Sync {
    /// Its name, by the conventions of Prometheus: `quire_`, the unit, `_total` for counters.
    fn name(&self) -> &'static str;
    /// Appends its text form.
    fn write(&self, out: &mut String);
}

static REGISTERED: Mutex<Vec<&'static dyn Metric>> = Mutex::new(Vec::new());

/// Makes the metrics of a module part of [`text`]. Registering one again changes nothing.
pub fn register(metrics: &'static [&'static dyn Metric]) {
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    for metric in metrics {
        if !registered.iter().any(|known| known.name() == metric.name()) {
            registered.push(*metric);
        }
    }
    registered.sort_by_key(|metric| metric.name());
}

/// All registered metrics in the text format of Prometheus, version 0.0.4.
pub fn text() -> String {
    let registered = REGISTERED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let mut out = String::new();
    for metric in registered {
        metric.write(&mut out);
    }
    out
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// A number that only grows.
pub struct Counter {
    name: &'static str,
    help: &'static str,
    value: AtomicU64,
}

impl Counter {
    /// A counter at zero. Its name ends in `_total`.
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            value: AtomicU64::new(0),
        }
    }

    /// Counts one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Counts `n`.
    pub fn add(&self, n: u64) {
        self.value.fetch_add(n, Relaxed);
    }

    /// What has been counted in this process.
    pub fn value(&self) -> u64 {
        self.value.load(Relaxed)
    }
}

impl Metric for Counter {
    fn name(&self) -> &'static str {
        self.name
    }

    fn write(&self, out: &mut String) {
        head(out, self.name, self.help, "counter");
        let _ = writeln!(out, "{} {}", self.name, self.value());
    }
}

/// Counters of one name, told apart by a label whose values are known beforehand.
pub struct Counters<const N: usize> {
    name: &'static str,
    help: &'static str,
    label: &'static str,
    values: [&'static str; N],
    counts: [AtomicU64; N],
}

impl<const N: usize> Counters<N> {
    /// Counters at zero. The last of `values` takes what is none of the others.
    pub const fn new(
        name: &'static str,
        help: &'static str,
        label: &'static str,
        values: [&'static str; N],
    ) -> Self {
        Self {
            name,
            help,
            label,
            values,
            counts: [const { AtomicU64::new(0) }; N],
        }
    }

    /// Counts one under `value`.
    pub fn increment(&self, value: &str) {
        self.add(value, 1);
    }

    /// Counts `n` under `value`.
    pub fn add(&self, value: &str, n: u64) {
        self.counts[self.index(value)].fetch_add(n, Relaxed);
    }

    /// What has been counted under `value` in this process.
    pub fn value(&self, value: &str) -> u64 {
        self.counts[self.index(value)].load(Relaxed)
    }

    fn index(&self, value: &str) -> usize {
        let known = self.values.iter().position(|known| *known == value);
        known.unwrap_or(N - 1)
    }
}

impl<const N: usize> Metric for Counters<N> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn write(&self, out: &mut String) {
        head(out, self.name, self.help, "counter");
        for (value, count) in self.values.iter().zip(&self.counts) {
            let count = count.load(Relaxed);
            let _ = writeln!(out, "{}{{{}=\"{value}\"}} {count}", self.name, self.label);
        }
    }
}

/// A number that goes up and down.
pub struct Gauge {
    name: &'static str,
    help: &'static str,
    value: AtomicI64,
}

impl Gauge {
    /// A gauge at zero.
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            value: AtomicI64::new(0),
        }
    }

    /// Sets it.
    pub fn set(&self, value: i64) {
        self.value.store(value, Relaxed);
    }

    /// Adds `n`, which may be negative.
    pub fn add(&self, n: i64) {
        self.value.fetch_add(n, Relaxed);
    }

    /// Its value now.
    pub fn value(&self) -> i64 {
        self.value.load(Relaxed)
    }
}

impl Metric for Gauge {
    fn name(&self) -> &'static str {
        self.name
    }

    fn write(&self, out: &mut String) {
        head(out, self.name, self.help, "gauge");
        let _ = writeln!(out, "{} {}", self.name, self.value());
    }
}

/// A duration that goes up and down, shown in seconds.
pub struct Seconds {
    name: &'static str,
    help: &'static str,
    ms: AtomicU64,
}

impl Seconds {
    /// None.
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            ms: AtomicU64::new(0),
        }
    }

    /// Sets it, to the millisecond.
    pub fn set(&self, duration: Duration) {
        self.ms.store(duration.as_millis() as u64, Relaxed);
    }
}

impl Metric for Seconds {
    fn name(&self) -> &'static str {
        self.name
    }

    fn write(&self, out: &mut String) {
        head(out, self.name, self.help, "gauge");
        let seconds = self.ms.load(Relaxed) as f64 / 1_000.0;
        let _ = writeln!(out, "{} {seconds}", self.name);
    }
}

/// Numbers of one name, told apart by a label whose values come and go.
pub struct Gauges {
    name: &'static str,
    help: &'static str,
    label: &'static str,
    values: Mutex<Vec<(String, f64)>>,
}

impl Gauges {
    /// None yet.
    pub const fn new(name: &'static str, help: &'static str, label: &'static str) -> Self {
        Self {
            name,
            help,
            label,
            values: Mutex::new(Vec::new()),
        }
    }

    /// Sets all of them; those that are not named are gone.
    pub fn set<'a>(&self, values: impl IntoIterator<Item = (&'a str, f64)>) {
        let values = values.into_iter().map(|(value, n)| (value.to_owned(), n));
        *self.values.lock().unwrap_or_else(PoisonError::into_inner) = values.collect();
    }
}

impl Metric for Gauges {
    fn name(&self) -> &'static str {
        self.name
    }

    fn write(&self, out: &mut String) {
        head(out, self.name, self.help, "gauge");
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        for (value, n) in &*values {
            let value = escaped(value);
            let _ = writeln!(out, "{}{{{}=\"{value}\"}} {n}", self.name, self.label);
        }
    }
}

/// A label's value as the format wants it.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(metric: &dyn Metric) -> String {
        let mut out = String::new();
        metric.write(&mut out);
        out
    }

    #[test]
    fn a_counter_shows_what_it_counted() {
        let counter = Counter::new("quire_things_total", "Things.");
        counter.increment();
        counter.add(2);
        assert_eq!(
            text_of(&counter),
            "# HELP quire_things_total Things.\n# TYPE quire_things_total counter\nquire_things_total 3\n"
        );
    }

    #[test]
    fn what_is_not_named_any_more_is_gone_and_names_are_escaped() {
        let gauges = Gauges::new("quire_x", "X.", "host");
        gauges.set([("a", 1.0), ("b\"\\\n", 2.5)]);
        let text = text_of(&gauges);
        assert!(
            text.contains("quire_x{host=\"b\\\"\\\\\\n\"} 2.5\n"),
            "{text}"
        );
        gauges.set([("a", 3.0)]);
        let text = text_of(&gauges);
        assert!(text.ends_with("quire_x{host=\"a\"} 3\n"), "{text}");
        assert_eq!(text.lines().count(), 3, "{text}");
    }

    #[test]
    fn what_no_label_names_counts_under_the_last_one() {
        let counters = Counters::new("quire_x_total", "X.", "reason", ["gap", "other"]);
        counters.increment("gap");
        counters.increment("unheard of");
        let text = text_of(&counters);
        assert!(text.contains("quire_x_total{reason=\"gap\"} 1\n"), "{text}");
        assert!(
            text.contains("quire_x_total{reason=\"other\"} 1\n"),
            "{text}"
        );
    }
}
