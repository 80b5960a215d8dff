//! What the published encoder writes we read, and the other way round.

use bytes::Bytes;
use loro_protocol as published;
use published::{CrdtType, ProtocolMessage as P};
use quire::protocol::{
    AckStatus, BatchId, Frame, JoinErrorCode, Message, Permission, RoomErrorCode, RoomKind, Text,
    decode, encode,
};

const ROOM: &str = "room-1234";

/// The byte vectors of the published package's own tests, with what they mean.
fn vectors() -> Vec<(&'static str, Frame)> {
    let bytes = |list: &[u8]| Bytes::copy_from_slice(list);
    let document = RoomKind::Document;
    let yjs = RoomKind::Other(*b"%YJS");
    vec![
        (
            "254c4f5209726f6f6d2d3132333400030a141e0328323c",
            frame(
                document,
                Message::JoinRequest {
                    auth: bytes(&[10, 20, 30]),
                    version: bytes(&[40, 50, 60]),
                },
            ),
        ),
        (
            "25594a5309726f6f6d2d31323334010472656164030b162100",
            frame(
                yjs,
                Message::JoinResponseOk {
                    permission: Permission::Read,
                    version: bytes(&[11, 22, 33]),
                    extra: Bytes::new(),
                },
            ),
        ),
        (
            "254c4f5209726f6f6d2d3132333401057772697465022c3703424d58",
            frame(
                document,
                Message::JoinResponseOk {
                    permission: Permission::Write,
                    version: bytes(&[44, 55]),
                    extra: bytes(&[66, 77, 88]),
                },
            ),
        ),
        (
            "2545504809726f6f6d2d31323334020213496e76616c69642063726564656e7469616c73",
            frame(
                RoomKind::Ephemeral,
                Message::JoinError {
                    code: JoinErrorCode::AuthFailed,
                    message: Text::from("Invalid credentials"),
                    version: None,
                    app_code: None,
                },
            ),
        ),
        (
            "254c4f5209726f6f6d2d3132333402011056657273696f6e206d69736d61746368026364",
            frame(
                document,
                Message::JoinError {
                    code: JoinErrorCode::VersionUnknown,
                    message: Text::from("Version mismatch"),
                    version: Some(bytes(&[99, 100])),
                    app_code: None,
                },
            ),
        ),
        (
            "25594a5309726f6f6d2d31323334027f1a4170706c69636174696f6e207370656369666963206572726f72\
             0e71756f74615f6578636565646564",
            frame(
                yjs,
                Message::JoinError {
                    code: JoinErrorCode::AppError,
                    message: Text::from("Application specific error"),
                    version: None,
                    app_code: Some(Text::from("quota_exceeded")),
                },
            ),
        ),
        (
            "25594a5309726f6f6d2d31323334030303010203040405060701080102030405060708",
            frame(
                yjs,
                Message::DocUpdate {
                    updates: [&[1, 2, 3][..], &[4, 5, 6, 7], &[8]].into_iter().collect(),
                    batch: BatchId([1, 2, 3, 4, 5, 6, 7, 8]),
                },
            ),
        ),
        (
            "254c4f5209726f6f6d2d3132333404ff112233445566770a80c03e",
            frame(
                document,
                Message::FragmentHeader {
                    batch: BatchId([0xff, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77]),
                    count: 10,
                    total_bytes: 1_024_000,
                },
            ),
        ),
        (
            "254c4f5209726f6f6d2d313233340500000000000000000320000102030405060708090a0b0c0d0e0f1011\
             12131415161718191a1b1c1d1e1f",
            frame(
                document,
                Message::Fragment {
                    batch: BatchId([0; 8]),
                    index: 3,
                    bytes: (0..32).collect(),
                },
            ),
        ),
        (
            "254c4f5209726f6f6d2d3132333406020765766963746564",
            frame(
                document,
                Message::RoomError {
                    code: RoomErrorCode::Evicted,
                    message: Text::from("evicted"),
                },
            ),
        ),
        (
            "254c4f5209726f6f6d2d3132333408010203040506070800",
            frame(
                document,
                Message::Ack {
                    batch: BatchId([1, 2, 3, 4, 5, 6, 7, 8]),
                    status: AckStatus::Ok,
                },
            ),
        ),
        (
            "2559415709726f6f6d2d3132333408010000000000000007",
            frame(
                RoomKind::Other(*b"%YAW"),
                Message::Ack {
                    batch: BatchId([1, 0, 0, 0, 0, 0, 0, 0]),
                    status: AckStatus::FragmentTimeout,
                },
            ),
        ),
        (
            "254c4f5209726f6f6d2d3132333407",
            frame(document, Message::Leave),
        ),
    ]
}

#[test]
fn the_published_byte_vectors_are_read_and_written() {
    for (hex, meaning) in vectors() {
        let message = unhex(hex);
        assert_eq!(
            encode(&meaning).unwrap(),
            message,
            "written from {meaning:?}"
        );
        assert_eq!(decode(message).unwrap(), meaning);
    }
}

#[test]
fn both_codecs_agree_on_every_message() {
    for message in messages() {
        let theirs = Bytes::from(published::encode(&message).unwrap());
        let frame = decode(theirs.clone()).unwrap();
        let ours = encode(&frame).unwrap();
        assert_eq!(ours, theirs, "{message:?}");
        let message = with_empty_extra(message);
        assert_eq!(published::decode(&ours).unwrap(), message);
    }
}

#[test]
fn every_code_means_what_is_published() {
    for byte in 0..=u8::MAX {
        let status = published::UpdateStatusCode::from_u8(byte)
            .unwrap_or(published::UpdateStatusCode::Unknown);
        assert_eq!(AckStatus::from_byte(byte).byte(), status as u8);
        let code =
            published::JoinErrorCode::from_u8(byte).unwrap_or(published::JoinErrorCode::Unknown);
        assert_eq!(JoinErrorCode::from_byte(byte).byte(), code as u8);
        let code =
            published::RoomErrorCode::from_u8(byte).unwrap_or(published::RoomErrorCode::Unknown);
        assert_eq!(RoomErrorCode::from_byte(byte).byte(), code as u8);
    }
}

/// Each message in several sizes, and the numbers around each step of their encoding.
fn messages() -> Vec<P> {
    let mut list = Vec::new();
    let kinds = [
        CrdtType::Loro,
        CrdtType::LoroEphemeralStore,
        CrdtType::LoroEphemeralStorePersisted,
        CrdtType::Yjs,
        CrdtType::YjsAwareness,
        CrdtType::Elo,
        CrdtType::Flock,
    ];
    for (round, crdt) in kinds.into_iter().enumerate() {
        let room_id = ["", "r", "ü/室", &"x".repeat(128)][round % 4].to_owned();
        for size in [0_usize, 1, 127, 128, 129, 16_383, 16_384, 60_000] {
            let blob = vec![round as u8; size];
            let batch_id = published::BatchId([size as u8; 8]);
            let text = "e".repeat(size);
            list.extend(sized(crdt, &room_id, &blob, batch_id, &text));
        }
    }
    list
}

fn sized(
    crdt: CrdtType,
    room_id: &str,
    blob: &[u8],
    batch_id: published::BatchId,
    text: &str,
) -> Vec<P> {
    let room = || room_id.to_owned();
    vec![
        P::JoinRequest {
            crdt,
            room_id: room(),
            auth: blob.to_vec(),
            version: blob.to_vec(),
        },
        P::JoinResponseOk {
            crdt,
            room_id: room(),
            permission: published::Permission::Write,
            version: blob.to_vec(),
            extra: None,
        },
        P::JoinError {
            crdt,
            room_id: room(),
            code: published::JoinErrorCode::VersionUnknown,
            message: text.to_owned(),
            receiver_version: Some(blob.to_vec()),
            app_code: None,
        },
        P::JoinError {
            crdt,
            room_id: room(),
            code: published::JoinErrorCode::AppError,
            message: text.to_owned(),
            receiver_version: None,
            app_code: Some(text.to_owned()),
        },
        P::JoinError {
            crdt,
            room_id: room(),
            code: published::JoinErrorCode::Unknown,
            message: text.to_owned(),
            receiver_version: None,
            app_code: None,
        },
        P::DocUpdate {
            crdt,
            room_id: room(),
            updates: vec![blob.to_vec(), Vec::new(), blob.to_vec()],
            batch_id,
        },
        P::DocUpdate {
            crdt,
            room_id: room(),
            updates: vec![vec![7]; blob.len().min(4096)],
            batch_id,
        },
        P::DocUpdateFragmentHeader {
            crdt,
            room_id: room(),
            batch_id,
            fragment_count: blob.len() as u64,
            total_size_bytes: u64::MAX >> (blob.len() % 64),
        },
        P::DocUpdateFragment {
            crdt,
            room_id: room(),
            batch_id,
            index: blob.len() as u64,
            fragment: blob.to_vec(),
        },
        P::RoomError {
            crdt,
            room_id: room(),
            code: published::RoomErrorCode::RejoinSuggested,
            message: text.to_owned(),
        },
        P::Ack {
            crdt,
            room_id: room(),
            ref_id: batch_id,
            status: published::UpdateStatusCode::InvalidUpdate,
        },
        P::Leave {
            crdt,
            room_id: room(),
        },
    ]
}

/// The published decoder reads an absent `extra` as an empty one.
fn with_empty_extra(mut message: P) -> P {
    if let P::JoinResponseOk { extra, .. } = &mut message {
        extra.get_or_insert_default();
    }
    message
}

fn frame(kind: RoomKind, message: Message) -> Frame {
    let room = Text::from(ROOM);
    Frame {
        kind,
        room,
        message,
    }
}

pub fn unhex(hex: &str) -> Bytes {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

/// One message of each type, as bytes.
pub fn samples() -> Vec<Bytes> {
    vectors().into_iter().map(|(hex, _)| unhex(hex)).collect()
}
