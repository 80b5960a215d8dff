//! The updates of one message, kept as they came: a list costs no memory beyond its message.

use std::fmt;

use bytes::{Bytes, BytesMut};

use super::MAX_UPDATES_PER_MESSAGE;
use super::decode::Reader;
use super::encode::{number_bytes, put_bytes, sized};
use crate::error::{Error, Kind, Result};

/// Updates in order. Reading one gives a slice of the message.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Updates {
    count: usize,
    /// Each update with its length before it; checked when it was made.
    list: Bytes,
}

impl Updates {
    /// How many.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// One after the other.
    pub fn iter(&self) -> UpdatesIter {
        UpdatesIter {
            left: self.count,
            reader: Reader {
                message: self.list.clone(),
                at: 0,
            },
        }
    }

    /// The list as it stands on the wire, without the count.
    pub(super) fn list(&self) -> &Bytes {
        &self.list
    }

    /// Checks the whole list once.
    pub(super) fn read(reader: &mut Reader) -> Result<Self> {
        let count = reader.number("number of updates")?;
        // Each takes at least the byte of its length.
        if count > reader.left() as u64 {
            return Err(reader.wrong("number of updates", "more than the message has bytes"));
        }
        if count > MAX_UPDATES_PER_MESSAGE as u64 {
            let text = format!(
                "message of {count} updates: at most {MAX_UPDATES_PER_MESSAGE} are allowed"
            );
            return Err(Error::new(Kind::TooLarge, text));
        }
        let count = count as usize;
        let start = reader.at;
        for _ in 0..count {
            reader.skip_bytes("update")?;
        }
        let list = reader.message.slice(start..reader.at);
        Ok(Self { count, list })
    }
}

/// For tests and for what is not on the hot path; there, [`super::encode_updates`] copies once less.
impl<T: AsRef<[u8]>> FromIterator<T> for Updates {
    fn from_iter<I: IntoIterator<Item = T>>(updates: I) -> Self {
        let mut list = BytesMut::new();
        let mut count = 0;
        for update in updates {
            let update = update.as_ref();
            list.reserve(sized(update.len()));
            put_bytes(&mut list, update);
            count += 1;
        }
        let list = list.freeze();
        Self { count, list }
    }
}

impl IntoIterator for &Updates {
    type Item = Bytes;
    type IntoIter = UpdatesIter;

    fn into_iter(self) -> UpdatesIter {
        self.iter()
    }
}

impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// The iterator of [`Updates`].
pub struct UpdatesIter {
    left: usize,
    reader: Reader,
}

impl Iterator for UpdatesIter {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        self.left = self.left.checked_sub(1)?;
        Some(
            self.reader
                .bytes("update")
                .expect("checked when the list was made"),
        )
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for UpdatesIter {}

/// The length of a `DocUpdate` body: count, list and batch id.
pub(super) fn body_bytes(count: usize, list_bytes: usize) -> usize {
    number_bytes(count as u64) + list_bytes + 8
}
