//! What a client of the sync protocol sends.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::document::update::{decode_version, update_meta};
use crate::protocol::{FRAGMENT_TIMEOUT_S, Frame, Message, Reassembly, RoomKind, decode, encode};
use crate::websocket::credentials::Credentials;

/// Several messages of one connection, each with its length in two bytes before it. Ten seconds pass
/// after each.
pub fn frames(mut bytes: &[u8]) {
    let mut reassembly = Reassembly::default();
    let mut now = Instant::now();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (message, rest) = rest.split_at(length);
        bytes = rest;
        let Ok(frame) = decode(Bytes::copy_from_slice(message)) else {
            continue;
        };
        let again = encode(&frame).expect("what was read can be written");
        assert_eq!(decode(again).expect("and read again"), frame);
        take(frame, &mut reassembly, now);
        now += Duration::from_secs(10);
        for (kind, room, batch) in reassembly.expire(now) {
            let late = reassembly.add(kind, room.as_str(), batch, 0, b"late");
            assert!(late.is_err(), "what was given up is not open");
        }
        let limit = now + Duration::from_secs(FRAGMENT_TIMEOUT_S);
        assert!(
            reassembly
                .next_deadline()
                .is_none_or(|at| at > now && at <= limit)
        );
    }
}

fn take(frame: Frame, reassembly: &mut Reassembly, now: Instant) {
    let Frame {
        kind,
        room,
        message,
    } = frame;
    match message {
        Message::JoinRequest { auth, version } => {
            let _ = Credentials::read(&auth);
            let _ = decode_version(&version);
        }
        Message::DocUpdate { updates, .. } => {
            assert_eq!(updates.iter().count(), updates.len());
            if kind == RoomKind::Document {
                updates.iter().for_each(|update| drop(update_meta(&update)));
            }
        }
        Message::FragmentHeader {
            batch,
            count,
            total_bytes,
        } => drop(reassembly.begin(kind, &room, batch, count, total_bytes, now)),
        Message::Fragment {
            batch,
            index,
            bytes,
        } => {
            if let Ok(Some(whole)) = reassembly.add(kind, room.as_str(), batch, index, &bytes) {
                assert!(whole.ends_with(&bytes) || whole.len() > bytes.len());
            }
        }
        Message::Leave => reassembly.forget(kind, room.as_str()),
        _ => {}
    }
}
