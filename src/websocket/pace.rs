//! How fast something is taken from one connection: at once when it comes seldom, else so many a second.

use std::time::{Duration, Instant};

/// What comes is taken at most so often,
const EVERY: Duration = Duration::from_millis(50);
/// but so many at once when none came before.
const AT_ONCE: u32 = 40;

/// The pace of one connection. What is too fast is not let go: its sender is read more slowly.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When everything is taken that came so far, one after the other.
    until: Option<Instant>,
}

impl Pace {
    /// How long one more must wait.
    pub fn wait(&mut self, now: Instant) -> Duration {
        let until = self.until.filter(|until| *until > now).unwrap_or(now) + EVERY;
        self.until = Some(until);
        until.saturating_duration_since(now + EVERY * AT_ONCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_at_once_and_what_follows_at_its_pace() {
        let (mut pace, began) = (Pace::default(), Instant::now());
        for _ in 0..AT_ONCE {
            assert_eq!(pace.wait(began), Duration::ZERO);
        }
        for late in 1..20 {
            assert_eq!(pace.wait(began), EVERY * late);
        }
        let later = began + EVERY * (AT_ONCE + 20);
        for _ in 0..AT_ONCE {
            assert_eq!(pace.wait(later), Duration::ZERO);
        }
        assert_eq!(pace.wait(later), EVERY);
    }
}
