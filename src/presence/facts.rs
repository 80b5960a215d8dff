//! What the server says itself to those who listen to a document.

use std::time::SystemTime;

use bytes::Bytes;
use loro::LoroValue;

use super::entry;

/// The key of what the server says of the document itself.
pub(super) const DOCUMENT: &str = "quire:document";
/// The key of what it says of the comments on it.
pub(super) const COMMENTS: &str = "quire:comments";

pub(super) fn document(title: &str) -> Bytes {
    let facts = [
        ("title", LoroValue::from(title)),
        ("deleted", LoroValue::from(false)),
    ];
    about(DOCUMENT, facts)
}

pub(super) fn deleted() -> Bytes {
    about(DOCUMENT, [("deleted", LoroValue::from(true))])
}

/// Says only that there is something to read again: not everybody who listens may see it.
pub(super) fn comments() -> Bytes {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let changed_ms = since.map_or(0, |since| since.as_millis() as i64);
    about(COMMENTS, [("changed", LoroValue::from(changed_ms))])
}

/// What the server says itself.
fn about<const N: usize>(key: &str, facts: [(&str, LoroValue); N]) -> Bytes {
    let facts = facts.map(|(name, value)| (name.to_owned(), value));
    entry::write(key, facts.into())
}
