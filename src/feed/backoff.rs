//! How long to wait before connecting again. Pure: the randomness comes in.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// The wait after `failures` failures in a row: it doubles up to 2 s, and `random` takes up to half
/// of it away, so that many servers do not come at once.
pub(super) fn delay(failures: u32, random: u64) -> Duration {
    let full = FIRST.saturating_mul(1 << failures.min(10)).min(LONGEST);
    let share = (random >> 11) as f64 / (1_u64 << 53) as f64;
    full.mul_f64(1.0 - share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_a_bound_and_are_spread() {
        assert_eq!(delay(0, 0), FIRST);
        assert_eq!(delay(1, 0), 2 * FIRST);
        assert_eq!(delay(u32::MAX, 0), LONGEST);
        let shortest = delay(40, u64::MAX);
        assert!(shortest >= LONGEST / 2 && shortest < LONGEST * 6 / 10);
    }
}
