//! What a snapshot of the database sees, as `pg_current_snapshot()` prints it.

use crate::error::{Error, Kind, Result};

/// Which transactions had ended when it was taken. Numbers are the 64-bit ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// The lowest that was running.
    pub xmin: u64,
    /// The first that had not been given out.
    pub xmax: u64,
    /// Those in between that were running.
    running: Vec<u64>,
}

impl Snapshot {
    /// Reads `xmin:xmax:a,b,c`.
    pub fn parse(text: &str) -> Result<Self> {
        Self::try_parse(text).ok_or_else(|| {
            Error::new(
                Kind::Internal,
                format!("read the database's snapshot: {text:?}"),
            )
        })
    }

    fn try_parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let xmin = parts.next()?.parse().ok()?;
        let xmax = parts.next()?.parse().ok()?;
        let running = parts.next()?.split(',').filter(|xid| !xid.is_empty());
        let running = running.map(|xid| xid.parse().ok());
        Some(Self {
            xmin,
            xmax,
            running: running.collect::<Option<_>>()?,
        })
    }

    /// Whether every transaction below this number was over. Not so for an xmax read from another
    /// snapshot: who had the highest number then and was not over yet, is at or above it.
    pub fn has_passed(&self, number: u64) -> bool {
        self.xmin >= number
    }

    /// Whether a committed transaction is visible to this snapshot and so to every later one.
    /// `xid` has the low 32 bits only, as in the stream; it is at most 2^31 away from `xmax`,
    /// which Postgres sees to.
    pub fn sees(&self, xid: u32) -> bool {
        let distance = xid.wrapping_sub(self.xmax as u32) as i32;
        let xid = self.xmax.wrapping_add_signed(i64::from(distance));
        xid < self.xmin || (xid < self.xmax && !self.running.contains(&xid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_transaction_is_not_seen_and_an_ended_one_is() {
        let snapshot = Snapshot::parse("10:20:10,14").unwrap();
        for (xid, is_seen) in [(9, true), (10, false), (11, true), (14, false), (19, true)] {
            assert_eq!(snapshot.sees(xid), is_seen, "{xid}");
        }
        assert!(!snapshot.sees(20) && !snapshot.sees(21));
    }

    #[test]
    fn numbers_are_compared_across_the_wrap_of_32_bits() {
        let wrap = 1_u64 << 32;
        let text = format!("{}:{}:{}", wrap - 2, wrap + 5, wrap - 2);
        let snapshot = Snapshot::parse(&text).unwrap();
        assert!(snapshot.sees(u32::MAX - 2), "before xmin");
        assert!(!snapshot.sees(u32::MAX - 1), "running");
        assert!(snapshot.sees(u32::MAX) && snapshot.sees(4));
        assert!(!snapshot.sees(5) && !snapshot.sees(1000));
    }

    #[test]
    fn nothing_running_is_an_empty_list() {
        assert!(Snapshot::parse("7:7:").unwrap().sees(6));
        for wrong in ["", "7", "7:7", "7:7:x", "a:7:"] {
            assert!(Snapshot::parse(wrong).is_err(), "{wrong}");
        }
    }
}
