//! What a look into the past may cost: rows, bytes and time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};

/// How much of a document is read at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub rows: usize,
    /// Of all updates.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 1_000_000,
            bytes: 256 * 1024 * 1024,
        }
    }
}

/// What one call may cost, and how it is called off.
#[derive(Debug, Clone)]
pub struct Budget {
    limits: Limits,
    until: Instant,
    is_cancelled: Arc<AtomicBool>,
}

impl Budget {
    /// From now on. Time is looked at between steps of some milliseconds, so a call ends a little
    /// later.
    pub fn new(limits: Limits, time: Duration) -> Self {
        Self {
            limits,
            until: Instant::now() + time,
            is_cancelled: Arc::default(),
        }
    }

    /// Sets this, from any thread, to call it off.
    pub fn cancel(&self) -> Arc<AtomicBool> {
        self.is_cancelled.clone()
    }

    /// The limits of what is read.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// # Errors
    /// `TooLarge` when it is more than the limits.
    pub fn allows(&self, rows: usize, bytes: usize) -> Result<()> {
        let Limits {
            rows: most_rows,
            bytes: most_bytes,
        } = self.limits;
        if rows > most_rows || bytes > most_bytes {
            return Err(Error::new(
                Kind::TooLarge,
                format!(
                    "the history is larger than {most_rows} edits or {} MiB",
                    most_bytes >> 20
                ),
            ));
        }
        Ok(())
    }

    /// # Errors
    /// `Limited` when the time is over or the call was called off.
    pub fn check(&self) -> Result<()> {
        let is_over = self.is_cancelled.load(Ordering::Relaxed) || Instant::now() > self.until;
        match is_over {
            true => Err(Error::new(
                Kind::Limited,
                "looking into the history took too long",
            )),
            false => Ok(()),
        }
    }
}
