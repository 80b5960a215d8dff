//! What parent and child say to each other: length-prefixed requests, answers of one size.

use bytes::{Buf, BufMut, BytesMut};
use uuid::Uuid;

use super::{DocKey, Good, Refusal, Verdict};

/// Length (of what follows), kind, sequence number, organisation, document.
const LENGTH_BYTES: usize = 4;
const HEADER_BYTES: usize = 1 + 8 + 16 + 16;
/// An answer: sequence number, code, refusal, peer, counters, characters.
pub const ANSWER_BYTES: usize = 8 + 1 + 1 + 8 + 4 + 4 + 4 + 4;

/// What the parent asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Try the update. Answered.
    Submit = 1,
    /// Take the snapshot as staging copy. Answered.
    Seed = 2,
    /// The update is durable. Not answered.
    Committed = 3,
    /// Drop the staging copy; without a document all of the organisation. Not answered.
    Forget = 4,
}

/// One request, as the child reads it.
#[derive(Debug, PartialEq, Eq)]
pub struct Request<'a> {
    pub kind: Kind,
    pub sequence: u64,
    pub doc: DocKey,
    pub payload: &'a [u8],
}

/// Appends a request.
pub fn put_request(out: &mut BytesMut, kind: Kind, sequence: u64, doc: DocKey, payload: &[u8]) {
    out.reserve(LENGTH_BYTES + HEADER_BYTES + payload.len());
    let bytes = u32::try_from(HEADER_BYTES + payload.len()).expect("payloads are below 4 GiB");
    out.put_u32_le(bytes);
    out.put_u8(kind as u8);
    out.put_u64_le(sequence);
    out.put_slice(doc.org_id.as_bytes());
    out.put_slice(doc.document_id.as_bytes());
    out.put_slice(payload);
}

/// The first request in `input` and the bytes that it takes; `None` when it is not complete.
///
/// # Panics
/// When the parent wrote something else: both are one binary.
pub fn read_request(input: &[u8]) -> Option<(Request<'_>, usize)> {
    let length: [u8; LENGTH_BYTES] = input.get(..LENGTH_BYTES)?.try_into().ok()?;
    let end = LENGTH_BYTES + u32::from_le_bytes(length) as usize;
    let mut rest = input.get(LENGTH_BYTES..end)?;
    let kind = match rest.get_u8() {
        1 => Kind::Submit,
        2 => Kind::Seed,
        3 => Kind::Committed,
        4 => Kind::Forget,
        other => panic!("the parent asked for {other}"),
    };
    let sequence = rest.get_u64_le();
    let doc = DocKey {
        org_id: take_uuid(&mut rest),
        document_id: take_uuid(&mut rest),
    };
    let request = Request {
        kind,
        sequence,
        doc,
        payload: rest,
    };
    Some((request, end))
}

fn take_uuid(rest: &mut &[u8]) -> Uuid {
    let mut bytes = [0; 16];
    rest.copy_to_slice(&mut bytes);
    Uuid::from_bytes(bytes)
}

/// Appends an answer.
pub fn put_answer(out: &mut Vec<u8>, sequence: u64, verdict: Verdict) {
    let (code, refusal, good) = match verdict {
        Verdict::Good(good) => (1, 0, good),
        Verdict::Known { durable } => (2, u8::from(durable), Good::default()),
        Verdict::MissingDependencies => (3, 0, Good::default()),
        Verdict::NeedsDocument => (4, 0, Good::default()),
        Verdict::Refused(refusal) => (5, refusal as u8, Good::default()),
    };
    out.put_u64_le(sequence);
    out.put_u8(code);
    out.put_u8(refusal);
    out.put_u64_le(good.peer);
    out.put_i32_le(good.counter_start);
    out.put_i32_le(good.counter_end);
    out.put_u32_le(good.inserted);
    out.put_u32_le(good.deleted);
}

/// Takes the first answer off `input`; `None` when it is not complete.
///
/// # Panics
/// When the child wrote something else: both are one binary.
pub fn take_answer(input: &mut BytesMut) -> Option<(u64, Verdict)> {
    if input.len() < ANSWER_BYTES {
        return None;
    }
    let mut answer = input.split_to(ANSWER_BYTES);
    let sequence = answer.get_u64_le();
    let code = answer.get_u8();
    let refusal = answer.get_u8();
    let good = Good {
        peer: answer.get_u64_le(),
        counter_start: answer.get_i32_le(),
        counter_end: answer.get_i32_le(),
        inserted: answer.get_u32_le(),
        deleted: answer.get_u32_le(),
    };
    let verdict = match code {
        1 => Verdict::Good(good),
        2 => Verdict::Known {
            durable: refusal == 1,
        },
        3 => Verdict::MissingDependencies,
        4 => Verdict::NeedsDocument,
        5 => Verdict::Refused(
            *Refusal::ALL
                .iter()
                .find(|r| **r as u8 == refusal)
                .expect("the child refuses for a known reason"),
        ),
        other => panic!("the child answered {other}"),
    };
    Some((sequence, verdict))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc() -> DocKey {
        DocKey {
            org_id: Uuid::from_u128(1),
            document_id: Uuid::from_u128(2),
        }
    }

    #[test]
    fn requests_come_back_as_they_were_put() {
        let mut out = BytesMut::new();
        put_request(&mut out, Kind::Submit, 7, doc(), b"update");
        put_request(&mut out, Kind::Forget, 8, doc(), b"");
        let (first, end) = read_request(&out).expect("complete");
        assert_eq!((first.kind, first.sequence), (Kind::Submit, 7));
        assert_eq!((first.doc, first.payload), (doc(), &b"update"[..]));
        let (second, _) = read_request(&out[end..]).expect("complete");
        assert_eq!((second.kind, second.sequence), (Kind::Forget, 8));
        assert_eq!(read_request(&out[..end - 1]), None);
    }

    #[test]
    fn answers_come_back_as_they_were_put() {
        let good = Good {
            peer: u64::MAX,
            counter_start: 3,
            counter_end: 9,
            inserted: 5,
            deleted: 1,
        };
        let mut verdicts = vec![
            Verdict::Good(good),
            Verdict::Known { durable: true },
            Verdict::Known { durable: false },
            Verdict::MissingDependencies,
            Verdict::NeedsDocument,
        ];
        verdicts.extend(Refusal::ALL.map(Verdict::Refused));
        let mut out = Vec::new();
        for (i, verdict) in verdicts.iter().enumerate() {
            put_answer(&mut out, i as u64, *verdict);
        }
        let mut input = BytesMut::from(&out[..]);
        for (i, verdict) in verdicts.iter().enumerate() {
            assert_eq!(take_answer(&mut input), Some((i as u64, *verdict)));
        }
        assert_eq!(take_answer(&mut input), None);
    }
}
