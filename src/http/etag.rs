//! A document's version as an entity tag (RFC 9110, 8.8.3): its last operations, so that equal tags
//! mean equal content on every server.

use super::answer::{Answer, empty, with};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use hyper::header::{ETAG, IF_NONE_MATCH};
use hyper::http::request::Parts;
use loro::LoroDoc;
use sha2::{Digest, Sha256};

/// The version of a document, without quotes.
pub fn of(doc: &LoroDoc) -> String {
    let mut ends: Vec<_> = doc.oplog_frontiers().iter().collect();
    // One version has one tag.
    ends.sort_unstable_by_key(|id| (id.peer, id.counter));
    let bytes: Vec<u8> = ends
        .iter()
        .flat_map(|id| [&id.peer.to_be_bytes()[..], &id.counter.to_be_bytes()[..]].concat())
        .collect();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The tag of an answer that shows the title, too.
pub fn with_title(version: &str, title: &str) -> String {
    let digest = Sha256::digest(title.as_bytes());
    format!("{version}.{}", URL_SAFE_NO_PAD.encode(&digest[..9]))
}

/// Adds the tag; to whoever has that version already, only the tag is sent.
pub fn answer(head: &Parts, answer: Answer, tag: &str) -> Answer {
    let quoted = format!("\"{tag}\"");
    let values = head.headers.get_all(IF_NONE_MATCH).iter();
    let is_known = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|value| value.trim())
        .any(|value| value == "*" || value.strip_prefix("W/").unwrap_or(value) == quoted);
    let answer = match is_known {
        true => empty(StatusCode::NOT_MODIFIED),
        false => answer,
    };
    with(answer, ETAG, &quoted)
}
