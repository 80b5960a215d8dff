//! A document's version as an entity tag (RFC 9110, 8.8.3): its last operations, so that equal tags
//! mean equal content on every server.

use super::answer::{Answer, empty, with};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use hyper::header::{ETAG, IF_NONE_MATCH};
use hyper::http::request::Parts;
use loro::{Frontiers, ID, LoroDoc};
use sha2::{Digest, Sha256};

/// Bytes of one operation's name: its peer and its counter.
const ID_BYTES: usize = 12;

/// The version of a document, without quotes.
pub fn of(doc: &LoroDoc) -> String {
    version(&doc.oplog_frontiers())
}

/// The tag of a version, without quotes.
pub fn version(frontiers: &Frontiers) -> String {
    let mut ends: Vec<_> = frontiers.iter().collect();
    // One version has one tag.
    ends.sort_unstable_by_key(|id| (id.peer, id.counter));
    let bytes: Vec<u8> = ends
        .iter()
        .flat_map(|id| [&id.peer.to_be_bytes()[..], &id.counter.to_be_bytes()[..]].concat())
        .collect();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The last operations that a tag names, whether or not it shows the title too; `None` when it is no
/// tag of a version.
pub fn read(tag: &str) -> Option<Vec<ID>> {
    let version = tag.split('.').next()?;
    let bytes = URL_SAFE_NO_PAD.decode(version).ok()?;
    let is_whole = !bytes.is_empty() && bytes.len() % ID_BYTES == 0;
    let ends = bytes.chunks_exact(ID_BYTES).map(|id| {
        let (peer, counter) = id.split_at(8);
        let peer = u64::from_be_bytes(peer.try_into().ok()?);
        let counter = i32::from_be_bytes(counter.try_into().ok()?);
        (counter >= 0).then(|| ID::new(peer, counter))
    });
    is_whole.then(|| ends.collect())?
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_the_operations_that_it_was_made_of() {
        let ends = [ID::new(7, 3), ID::new(u64::MAX - 1, 0)];
        let tag = version(&Frontiers::from(ends.to_vec()));
        assert_eq!(read(&tag).unwrap(), ends);
        assert_eq!(read(&with_title(&tag, "Plan")).unwrap(), ends);
        for wrong in [
            "",
            ".",
            "*",
            "AAAA",
            "ä",
            &format!("{tag}AAAA"),
            "AAAAAAAAAAf_____",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
