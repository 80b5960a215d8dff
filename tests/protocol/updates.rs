//! Updates on their way out: as many a message as fit, larger ones in pieces.

use std::time::Instant;

use bytes::Bytes;
use quire::error::Kind;
use quire::protocol::{
    BatchId, MAX_MESSAGE_BYTES, MAX_REASSEMBLED_BYTES, Message, Reassembly, RoomKind, decode,
    encode, encode_updates,
};

use crate::kit::random::{self, Random};

const ROOM: &str = "0190a5b4-0000-7000-8000-000000000001/0190a5b4-0000-7000-8000-000000000002";

#[test]
fn updates_of_every_size_arrive_whole_and_in_order() {
    let seed = random::seed();
    let mut random = Random::new(seed);
    for _ in 0..100 {
        let sizes = [
            0, 1, 90, 127, 128, 16_384, 100_000, 262_000, 262_144, 700_000,
        ];
        let updates: Vec<Bytes> = (0..random.below(30))
            .map(|n| Bytes::from(vec![n as u8; sizes[random.below(sizes.len())]]))
            .collect();
        let frames = send(&updates);
        assert_eq!(receive(&frames), updates, "seed {seed}");
        for frame in frames {
            assert!(frame.len() <= MAX_MESSAGE_BYTES);
            assert_eq!(encode(&decode(frame.clone()).unwrap()).unwrap(), frame);
        }
    }
}

#[test]
fn small_updates_share_a_message_up_to_its_limit() {
    let updates = vec![Bytes::from(vec![1; 90]); 2_000];
    assert_eq!(send(&updates).len(), 1);
    let updates = vec![Bytes::from(vec![1; 20]); 4_097];
    assert_eq!(send(&updates).len(), 2, "4096 updates a message");
    let updates = vec![Bytes::from(vec![1; 1024]); 1_000];
    let frames = send(&updates);
    assert_eq!(frames.len(), 4);
    assert!(frames[0].len() > MAX_MESSAGE_BYTES - 1_030);
}

#[test]
fn an_update_exactly_at_the_limit_is_not_cut() {
    // Kind, room with its length, type, count, length, batch.
    let most = MAX_MESSAGE_BYTES - 4 - 1 - ROOM.len() - 1 - 1 - 3 - 8;
    let frames = send(&[Bytes::from(vec![1; most])]);
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].len(), MAX_MESSAGE_BYTES);
    assert_eq!(send(&[Bytes::from(vec![1; most + 1])]).len(), 3);
}

#[test]
fn what_no_reader_would_take_is_not_sent() {
    let update = Bytes::from(vec![1; MAX_REASSEMBLED_BYTES]);
    assert_eq!(receive(&send(std::slice::from_ref(&update))), [update]);
    let larger = [vec![1; MAX_REASSEMBLED_BYTES + 1]];
    let error = encode_updates(RoomKind::Document, ROOM, &larger, |_| BatchId([0; 8])).unwrap_err();
    assert_eq!(error.kind(), Kind::TooLarge);
    let room = "x".repeat(300_000);
    let error = encode_updates(RoomKind::Document, &room, &[[1]], |_| BatchId([0; 8])).unwrap_err();
    assert_eq!(error.kind(), Kind::TooLarge);
}

fn send(updates: &[Bytes]) -> Vec<Bytes> {
    let mut batch = 0_u64;
    encode_updates(RoomKind::Document, ROOM, updates, |_| {
        batch += 1;
        BatchId::from(batch)
    })
    .unwrap()
}

fn receive(frames: &[Bytes]) -> Vec<Bytes> {
    let mut reassembly = Reassembly::default();
    let mut received = Vec::new();
    let now = Instant::now();
    for message in frames {
        let frame = decode(message.clone()).unwrap();
        assert_eq!((frame.kind, &*frame.room), (RoomKind::Document, ROOM));
        match frame.message {
            Message::DocUpdate { updates, .. } => received.extend(&updates),
            Message::FragmentHeader {
                batch,
                count,
                total_bytes,
            } => reassembly
                .begin(frame.kind, &frame.room, batch, count, total_bytes, now)
                .unwrap(),
            Message::Fragment {
                batch,
                index,
                bytes,
            } => received.extend(
                reassembly
                    .add(frame.kind, &frame.room, batch, index, &bytes)
                    .unwrap(),
            ),
            other => panic!("{other:?}"),
        }
    }
    received
}
