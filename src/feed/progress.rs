//! How far one stream has come and what of it may be confirmed to the database. Pure.

use crate::change::Lsn;

/// Positions of one stream; each only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// Up to here something was handed to the consumer.
    handed: Lsn,
    /// Up to here the consumer has applied.
    applied: Lsn,
    /// Up to here the stream has come, by a keepalive or by a transaction without anything in it.
    passed: Lsn,
    confirmed: Lsn,
}

impl Progress {
    /// A stream that begins at `start`.
    pub fn new(start: Lsn) -> Self {
        Self {
            handed: start,
            applied: start,
            passed: start,
            confirmed: start,
        }
    }

    /// A transaction that ends at `lsn` goes to the consumer.
    pub fn hand_over(&mut self, lsn: Lsn) {
        self.handed = self.handed.max(lsn);
    }

    /// The stream came to `lsn` without anything for the consumer.
    pub fn pass(&mut self, lsn: Lsn) {
        self.passed = self.passed.max(lsn);
    }

    /// The consumer has applied everything up to `lsn`, which it was given.
    pub fn apply(&mut self, lsn: Lsn) {
        self.applied = self.applied.max(lsn.min(self.handed));
    }

    /// How far the stream was read.
    pub fn received(&self) -> Lsn {
        self.handed.max(self.passed)
    }

    /// What may be confirmed: what was applied; and when that is all that was handed over, the
    /// silence after it too, so that an idle stream does not hold the log back.
    pub fn confirm(&mut self) -> Lsn {
        let idle = if self.applied >= self.handed {
            self.passed
        } else {
            Lsn::default()
        };
        self.confirmed = self.confirmed.max(self.applied).max(idle);
        self.confirmed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_confirmed_only_when_all_before_it_was_applied() {
        let mut progress = Progress::new(Lsn(10));
        progress.pass(Lsn(15));
        assert_eq!(progress.confirm(), Lsn(15));
        progress.hand_over(Lsn(20));
        progress.pass(Lsn(30));
        assert_eq!(progress.confirm(), Lsn(15), "20 is not applied");
        progress.apply(Lsn(20));
        assert_eq!(progress.confirm(), Lsn(30));
        assert_eq!(progress.received(), Lsn(30));
    }

    #[test]
    fn no_claim_reaches_beyond_what_was_handed_over_and_none_goes_back() {
        let mut progress = Progress::new(Lsn(10));
        progress.hand_over(Lsn(20));
        progress.apply(Lsn(1000));
        assert_eq!(progress.confirm(), Lsn(20));
        progress.apply(Lsn(5));
        assert_eq!(progress.confirm(), Lsn(20));
    }
}
