//! History for people: edits in sittings, each a stretch of work of one author.

use uuid::Uuid;

use super::Edit;

/// Edits of one author that follow each other without a long pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sitting {
    pub account_id: Uuid,
    /// The first and the last edit, and when they were written: microseconds since 1970.
    pub first_edit: i64,
    pub last_edit: i64,
    pub from_us: i64,
    pub to_us: i64,
    /// How many edits.
    pub edits: usize,
}

/// The sittings among edits that are sorted by time, the oldest first. One ends when its author
/// pauses for more than `pause_us` microseconds, or another author has written since.
pub fn sittings<'e>(edits: impl IntoIterator<Item = &'e Edit>, pause_us: i64) -> Vec<Sitting> {
    let mut sittings: Vec<Sitting> = Vec::new();
    for edit in edits {
        match sittings.last_mut() {
            Some(last)
                if last.account_id == edit.account_id
                    && edit.created_us - last.to_us <= pause_us =>
            {
                last.last_edit = edit.edit_id;
                last.to_us = edit.created_us;
                last.edits += 1;
            }
            _ => sittings.push(Sitting {
                account_id: edit.account_id,
                first_edit: edit.edit_id,
                last_edit: edit.edit_id,
                from_us: edit.created_us,
                to_us: edit.created_us,
                edits: 1,
            }),
        }
    }
    sittings
}
