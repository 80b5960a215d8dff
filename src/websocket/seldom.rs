//! What may befall every client at the same moment is logged once a second: thousands of lines a second would
//! hide what else is logged.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_secs(1);

/// When something was logged last, and how often it was not since then.
pub(super) struct Seldom(Mutex<(Option<Instant>, u64)>);

impl Seldom {
    pub const fn new() -> Self {
        Self(Mutex::new((None, 0)))
    }

    /// Whether it is to be logged now; and then how often it was not before.
    pub fn due(&self, now: Instant) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, untold) = &mut *told;
        if last.is_some_and(|last| now.saturating_duration_since(last) < PAUSE) {
            *untold += 1;
            return None;
        }
        *last = Some(now);
        Some(std::mem::take(untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once_a_second_and_how_often_it_was_not() {
        let (seldom, began) = (Seldom::new(), Instant::now());
        let due = |ms| seldom.due(began + Duration::from_millis(ms));
        assert_eq!(due(0), Some(0));
        assert_eq!(due(1), None);
        assert_eq!(due(999), None);
        assert_eq!(due(1_000), Some(2));
        assert_eq!(due(5_000), Some(0));
    }
}
