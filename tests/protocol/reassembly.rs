//! Fragments: in any order, in time, and never more than announced.

use std::time::{Duration, Instant};

use quire::error::Kind;
use quire::protocol::{
    BatchId, FRAGMENT_TIMEOUT_S, MAX_FRAGMENTS, MAX_OPEN_BATCHES, MAX_REASSEMBLED_BYTES,
    Reassembly, RoomKind, Text,
};

use crate::kit::alloc;
use crate::kit::random::{self, Random};

const KIND: RoomKind = RoomKind::Document;
const BATCH: BatchId = BatchId([7; 8]);

fn room() -> Text {
    Text::from("room")
}

fn open(count: u64, total_bytes: u64) -> Reassembly {
    let mut reassembly = Reassembly::default();
    reassembly
        .begin(KIND, &room(), BATCH, count, total_bytes, Instant::now())
        .unwrap();
    reassembly
}

#[test]
fn order_does_not_matter() {
    let mut reassembly = open(3, 6);
    assert_eq!(reassembly.add(KIND, "room", BATCH, 2, b"ef").unwrap(), None);
    assert_eq!(reassembly.add(KIND, "room", BATCH, 0, b"ab").unwrap(), None);
    let whole = reassembly.add(KIND, "room", BATCH, 1, b"cd").unwrap();
    assert_eq!(whole.unwrap(), "abcdef");
    assert_eq!(reassembly.next_deadline(), None);
}

#[test]
fn what_does_not_fit_its_header_gives_the_batch_up() {
    for (index, bytes) in [
        (3, &b"x"[..]),
        (u64::MAX, b"x"),
        (0, b"1234567"),
        (1, b""),
        (2, b"again"),
    ] {
        let mut reassembly = open(3, 6);
        reassembly.add(KIND, "room", BATCH, 2, b"x").unwrap();
        let refused = reassembly.add(KIND, "room", BATCH, index, bytes);
        assert_eq!(refused.unwrap_err().kind(), Kind::Invalid);
        let later = reassembly.add(KIND, "room", BATCH, 0, b"x");
        assert_eq!(later.unwrap_err().kind(), Kind::Gone);
    }
    let mut reassembly = open(2, 6);
    reassembly.add(KIND, "room", BATCH, 0, b"x").unwrap();
    let short = reassembly.add(KIND, "room", BATCH, 1, b"x");
    assert_eq!(short.unwrap_err().kind(), Kind::Invalid);
}

#[test]
fn a_header_beyond_the_limits_is_refused_and_reserves_nothing() {
    let mut reassembly = Reassembly::default();
    let mut begin = |count, total| {
        let (result, allocated) =
            alloc::measure(|| reassembly.begin(KIND, &room(), BATCH, count, total, Instant::now()));
        assert!(allocated < 1024, "{allocated}");
        result.unwrap_err().kind()
    };
    assert_eq!(begin(2, MAX_REASSEMBLED_BYTES as u64 + 1), Kind::TooLarge);
    assert_eq!(begin(MAX_FRAGMENTS as u64 + 1, 100_000), Kind::TooLarge);
    assert_eq!(begin(u64::MAX, u64::MAX), Kind::TooLarge);
    assert_eq!(begin(0, 100), Kind::Invalid);
    assert_eq!(begin(101, 100), Kind::Invalid);
}

#[test]
fn only_so_many_are_open_and_rooms_are_told_apart() {
    let now = Instant::now();
    let mut reassembly = Reassembly::default();
    for n in 0..MAX_OPEN_BATCHES {
        let room = Text::from(format!("room {n}"));
        reassembly.begin(KIND, &room, BATCH, 1, 1, now).unwrap();
    }
    let more = reassembly.begin(KIND, &room(), BATCH, 1, 1, now);
    assert_eq!(more.unwrap_err().kind(), Kind::Limited);
    let other = reassembly.add(RoomKind::Ephemeral, "room 0", BATCH, 0, b"x");
    assert_eq!(other.unwrap_err().kind(), Kind::Gone);
    reassembly.forget(KIND, "room 1");
    reassembly.begin(KIND, &room(), BATCH, 1, 1, now).unwrap();
    let whole = reassembly.add(KIND, "room 0", BATCH, 0, b"x").unwrap();
    assert_eq!(whole.unwrap(), "x");
}

#[test]
fn a_batch_opened_twice_is_given_up() {
    let mut reassembly = open(2, 4);
    let twice = reassembly.begin(KIND, &room(), BATCH, 2, 4, Instant::now());
    assert_eq!(twice.unwrap_err().kind(), Kind::Invalid);
    assert_eq!(reassembly.next_deadline(), None);
}

#[test]
fn what_is_late_is_given_up_and_named() {
    let start = Instant::now();
    let mut reassembly = Reassembly::default();
    reassembly.begin(KIND, &room(), BATCH, 2, 4, start).unwrap();
    let deadline = reassembly.next_deadline().unwrap();
    assert_eq!(deadline, start + Duration::from_secs(FRAGMENT_TIMEOUT_S));
    assert!(
        reassembly
            .expire(deadline - Duration::from_millis(1))
            .is_empty()
    );
    assert_eq!(reassembly.expire(deadline), [(KIND, room(), BATCH)]);
    let late = reassembly.add(KIND, "room", BATCH, 0, b"x");
    assert_eq!(late.unwrap_err().kind(), Kind::Gone);
}

#[test]
fn updates_in_fragments_of_any_size_and_order_come_out_whole() {
    let seed = random::seed();
    let mut random = Random::new(seed);
    for round in 0..300 {
        let mut reassembly = Reassembly::default();
        let updates: Vec<Vec<u8>> = (0..1 + random.below(MAX_OPEN_BATCHES))
            .map(|_| {
                (0..1 + random.below(3000))
                    .map(|_| random.bits() as u8)
                    .collect()
            })
            .collect();
        let mut fragments = Vec::new();
        for (number, update) in updates.iter().enumerate() {
            let size = update.len().div_ceil(MAX_FRAGMENTS) + random.below(update.len());
            let pieces: Vec<_> = update.chunks(size).collect();
            let batch = BatchId::from(number as u64);
            let (count, total) = (pieces.len() as u64, update.len() as u64);
            reassembly
                .begin(
                    RoomKind::Document,
                    &room(),
                    batch,
                    count,
                    total,
                    Instant::now(),
                )
                .expect("within the limits");
            fragments.extend(
                (0..)
                    .zip(pieces)
                    .map(|(index, piece)| (number, index, piece)),
            );
        }
        for at in (1..fragments.len()).rev() {
            fragments.swap(at, random.below(at + 1));
        }
        let mut whole = vec![None; updates.len()];
        for (number, index, piece) in fragments {
            let batch = BatchId::from(number as u64);
            let added = reassembly.add(RoomKind::Document, "room", batch, index, piece);
            if let Some(update) = added.expect("it fits") {
                assert!(whole[number].replace(update).is_none());
            }
        }
        let whole: Vec<_> = whole
            .into_iter()
            .map(|update| update.expect("complete"))
            .collect();
        assert!(whole == updates, "seed {seed}, round {round}");
        assert_eq!(reassembly.next_deadline(), None, "nothing is left open");
    }
}
