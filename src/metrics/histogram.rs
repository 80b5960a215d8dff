//! Histograms: how often a quantity fell below each of some bounds.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::{Metric, head};

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

    #[test]
    fn buckets_of_a_histogram_include_the_lower_ones() {
        let histogram = Histogram::new("quire_s", "S.", [1.0, 2.0]);
        for quantity in [0.5, 1.5, 9.0] {
            histogram.observe(quantity);
        }
        let text = {
            let mut out = String::new();
            histogram.write(&mut out);
            out
        };
        assert!(text.contains("quire_s_bucket{le=\"1\"} 1\n"), "{text}");
        assert!(text.contains("quire_s_bucket{le=\"2\"} 2\n"), "{text}");
        assert!(text.contains("quire_s_bucket{le=\"+Inf\"} 3\n"), "{text}");
        assert!(text.contains("quire_s_sum 11\nquire_s_count 3\n"), "{text}");
    }
}
