//! What a move tells of while it goes on.

use std::fmt;
use std::time::Duration;

/// What has been done of a move; each is told when it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Both databases know of it; people write as ever.
    Begun,
    /// All that was there has been copied.
    Copied {
        /// So many edits.
        edits: u64,
    },
    /// What was copied is the same in both.
    Compared,
    /// Nobody writes in the source any more. From here on people wait.
    Closed,
    /// What was written last has been copied, and all is the same in both.
    Complete {
        /// So many bytes were copied while nobody could write.
        bytes: u64,
    },
    /// A standby has not everything yet. Nothing goes on before it has.
    Waits {
        /// Which one, and for what.
        says: String,
    },
    /// It is served from the target.
    Opened {
        /// How long nobody could write.
        closed_for: Duration,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begun => f.write_str("begun: copying while people write"),
            Self::Copied { edits } => write!(f, "copied {edits} edits"),
            Self::Compared => f.write_str("compared: what was copied is the same"),
            Self::Closed => f.write_str("closed: nobody writes"),
            Self::Complete { bytes } => {
                write!(
                    f,
                    "complete: all is the same in both, {bytes} bytes copied last"
                )
            }
            Self::Waits { says } => write!(f, "waiting: {says}"),
            Self::Opened { closed_for } => {
                write!(
                    f,
                    "opened: nobody could write for {} ms",
                    closed_for.as_millis()
                )
            }
        }
    }
}
