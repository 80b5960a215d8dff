//! Counters, gauges and histograms as statics, and their text form for Prometheus. A metric is
//! declared where it is counted; its module lists it in `METRICS`, and the server registers the lists.
//!
//! ```text
//! static COMMITTED: Counter = Counter::new("quire_edits_committed_total", "Edits that are durable.");
//! pub static METRICS: &[&dyn Metric] = &[&COMMITTED];
//! ```

use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

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

/// Upper bounds, in seconds, for what takes from a tenth of a millisecond to ten seconds.
pub const SECONDS: [f64; 16] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// Upper bounds, in bytes, from 64 bytes to 16 MiB.
pub const BYTES: [f64; 10] = [
    64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0,
];

/// Upper bounds for how many of something came together.
pub const COUNTS: [f64; 11] = [
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0,
];

/// How often a quantity fell below each of `N` bounds, and its sum.
pub struct Histogram<const N: usize> {
    name: &'static str,
    help: &'static str,
    bounds: [f64; N],
    buckets: [AtomicU64; N],
    count: AtomicU64,
    /// The bits of an f64.
    sum: AtomicU64,
}

impl<const N: usize> Histogram<N> {
    /// An empty histogram with [`SECONDS`], [`BYTES`], [`COUNTS`] or own ascending `bounds`.
    pub const fn new(name: &'static str, help: &'static str, bounds: [f64; N]) -> Self {
        Self {
            name,
            help,
            bounds,
            buckets: [const { AtomicU64::new(0) }; N],
            count: AtomicU64::new(0),
            sum: AtomicU64::new(0),
        }
    }

    /// Counts one quantity, in the unit of the name.
    pub fn observe(&self, quantity: f64) {
        let bucket = self.bounds.iter().position(|bound| quantity <= *bound);
        if let Some(bucket) = bucket {
            self.buckets[bucket].fetch_add(1, Relaxed);
        }
        self.count.fetch_add(1, Relaxed);
        // Never fails: the closure always has a next value.
        let _ = self.sum.fetch_update(Relaxed, Relaxed, |bits| {
            Some((f64::from_bits(bits) + quantity).to_bits())
        });
    }

    /// Counts one duration, in seconds.
    pub fn observe_duration(&self, duration: Duration) {
        self.observe(duration.as_secs_f64());
    }

    /// How many were counted in this process.
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }
}

impl<const N: usize> Metric for Histogram<N> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn write(&self, out: &mut String) {
        head(out, self.name, self.help, "histogram");
        let name = self.name;
        let mut below = 0;
        for (bound, bucket) in self.bounds.iter().zip(&self.buckets) {
            below += bucket.load(Relaxed);
            let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {below}");
        }
        // An observation that came in between is in a bucket and not yet in the count.
        let count = self.count().max(below);
        let sum = f64::from_bits(self.sum.load(Relaxed));
        let _ = writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {count}");
        let _ = writeln!(out, "{name}_sum {sum}\n{name}_count {count}");
    }
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

    #[test]
    fn buckets_of_a_histogram_include_the_lower_ones() {
        let histogram = Histogram::new("quire_s", "S.", [1.0, 2.0]);
        for quantity in [0.5, 1.5, 9.0] {
            histogram.observe(quantity);
        }
        let text = text_of(&histogram);
        assert!(text.contains("quire_s_bucket{le=\"1\"} 1\n"), "{text}");
        assert!(text.contains("quire_s_bucket{le=\"2\"} 2\n"), "{text}");
        assert!(text.contains("quire_s_bucket{le=\"+Inf\"} 3\n"), "{text}");
        assert!(text.contains("quire_s_sum 11\nquire_s_count 3\n"), "{text}");
    }
}
