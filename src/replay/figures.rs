//! Times of many events, and what is said about them.

use std::time::Duration;

use serde::Serialize;

/// Durations, in microseconds.
#[derive(Debug, Default)]
pub struct Figures {
    micros: Vec<u32>,
}

/// What half, 95 and 99 of a hundred stay below, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize, PartialEq)]
pub struct Percentiles {
    /// Half of them took at most this.
    pub p50: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
}

impl Figures {
    /// Adds one; more than an hour counts as an hour.
    pub fn add(&mut self, time: Duration) {
        self.micros.push(time.as_micros().min(3_600_000_000) as u32);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.micros.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.micros.is_empty()
    }

    /// Nothing if there is none.
    pub fn percentiles(&mut self) -> Option<Percentiles> {
        self.micros.sort_unstable();
        let last = self.micros.len().checked_sub(1)?;
        let at = |share: usize| f64::from(self.micros[last * share / 100]) / 1000.0;
        Some(Percentiles {
            p50: at(50),
            p95: at(95),
            p99: at(99),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let mut figures = Figures::default();
        assert_eq!(figures.percentiles(), None);
        (1..=101_u64)
            .rev()
            .for_each(|ms| figures.add(Duration::from_millis(ms)));
        let Percentiles { p50, p95, p99 } = figures.percentiles().unwrap();
        assert_eq!((p50, p95, p99), (51.0, 96.0, 100.0));
    }
}
