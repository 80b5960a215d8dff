//! Long lists in parts: each part names where the next one begins, by what it is sorted by, so that
//! what did not change meanwhile is neither left out nor shown twice.

use super::answer::{Answer, json_text};
use super::call::parameter;
use crate::error::{Error, Kind, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use hyper::http::request::Parts;
use serde_json::json;
use std::time::{Duration, SystemTime};
use tokio_postgres::Row;
use uuid::Uuid;

/// Postgres and the calendars of most programs end later than this: microseconds of the year 9999.
const LAST_US: u64 = 253_402_300_799_999_999;

/// The last entry of a part, in a list that is sorted by time and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub at: SystemTime,
    pub id: Uuid,
}

/// The part of a list that is asked for.
pub struct Page {
    /// After which entry; `None`: from the first.
    pub after: Option<Cursor>,
    /// How many entries.
    pub limit: usize,
}

impl Page {
    /// What `?after=` and `?limit=` say; `most` entries, if they do not say.
    ///
    /// # Errors
    /// `Invalid` for a limit that is not 1 to `most`, or a cursor that no list has given.
    pub fn of(head: &Parts, most: usize) -> Result<Self> {
        let after = match parameter(head, "after") {
            None => None,
            Some(text) => Some(Cursor::read(text).ok_or_else(|| {
                let context = "after: must be what an answer's next said";
                Error::new(Kind::Invalid, context)
            })?),
        };
        let limit = match parameter(head, "limit") {
            None => most,
            Some(text) => match text.parse() {
                Ok(limit) if (1..=most).contains(&limit) => limit,
                _ => {
                    let context = format!("limit: must be a whole number from 1 to {most}");
                    return Err(Error::new(Kind::Invalid, context));
                }
            },
        };
        Ok(Self { after, limit })
    }

    /// How many entries to ask the database for: one more says that there is another part.
    pub fn rows(&self) -> i64 {
        i64::try_from(self.limit).map_or(i64::MAX, |limit| limit.saturating_add(1))
    }

    /// The entries of this part out of those that the database gave, and where the next one begins.
    pub fn cut<'r, R>(
        &self,
        rows: &'r [R],
        cursor: impl Fn(&R) -> Cursor,
    ) -> (&'r [R], Option<String>) {
        match rows.get(self.limit) {
            None => (rows, None),
            Some(_) => {
                let rows = &rows[..self.limit];
                let next = rows.last().map(|row| cursor(row).write());
                (rows, next)
            }
        }
    }

    /// This part, as the answer: rows with a `body` of JSON, sorted by `created_at` and the column
    /// `id`.
    pub fn answer(&self, name: &str, rows: &[Row], id: &str) -> Answer {
        let (rows, next) = self.cut(rows, |row| Cursor {
            at: row.get("created_at"),
            id: row.get(id),
        });
        let entries: Vec<&str> = rows.iter().map(|row| row.get("body")).collect();
        let next = json!(next);
        let body = format!("{{\"{name}\":[{}],\"next\":{next}}}", entries.join(","));
        json_text(StatusCode::OK, body)
    }
}

impl Cursor {
    fn write(&self) -> String {
        let since = self.at.duration_since(SystemTime::UNIX_EPOCH);
        let at_us = since.map_or(0, |since| since.as_micros() as u64);
        let bytes = [&at_us.to_be_bytes()[..], self.id.as_bytes()].concat();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (at_us, id) = bytes.split_at_checked(8)?;
        let at_us = u64::from_be_bytes(at_us.try_into().ok()?);
        Some(Self {
            at: (at_us <= LAST_US)
                .then(|| SystemTime::UNIX_EPOCH + Duration::from_micros(at_us))?,
            id: Uuid::from_slice(id).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is_one() {
        let cursor = Cursor {
            at: SystemTime::UNIX_EPOCH + Duration::from_micros(1_764_012_345_678_901),
            id: Uuid::from_u128(7),
        };
        assert_eq!(Cursor::read(&cursor.write()), Some(cursor));
        let late = URL_SAFE_NO_PAD.encode([255; 24]);
        for wrong in ["", "AAAA", "ä", &late, &format!("{}AAAA", cursor.write())] {
            assert_eq!(Cursor::read(wrong), None, "{wrong}");
        }
    }
}
