//! The Loro Syncing Protocol v1 (published as npm and crate `loro-protocol` 0.3): frames in and out.
//! No I/O and no clock: bytes come in, slices of them go out. What Quire adds stands in PROTOCOL.md.

mod decode;
mod encode;
mod fragments;
mod frame;
mod updates;

pub use decode::decode;
pub use encode::{encode, encode_updates};
pub use fragments::Reassembly;
pub use frame::{
    AckStatus, BatchId, Frame, JoinErrorCode, Message, Permission, RoomErrorCode, RoomKind, Text,
};
pub use updates::{Updates, UpdatesIter};

/// Longest message in bytes, envelope included. From the published protocol.
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// Longest room id in bytes. From the published protocol.
pub const MAX_ROOM_BYTES: usize = 128;

/// Most updates in one `DocUpdate` message. Ours: bounds what one message can make a reader do.
pub const MAX_UPDATES_PER_MESSAGE: usize = 4096;

/// Longest update in bytes after its fragments are put together. Ours.
pub const MAX_REASSEMBLED_BYTES: usize = 16 * 1024 * 1024;

/// Most fragments of one update. Ours: at the longest update, 16 KiB a fragment on average.
pub const MAX_FRAGMENTS: usize = 1024;

/// Most updates of one connection that may be incomplete at a time. Ours.
pub const MAX_OPEN_BATCHES: usize = 4;

/// How long an update may stay incomplete, in seconds. Ours; the published default is 10.
pub const FRAGMENT_TIMEOUT_S: u64 = 30;

/// The text frame that asks whether the other side lives; answered by [`PONG`] at once.
pub const PING: &str = "ping";

/// The answer to [`PING`].
pub const PONG: &str = "pong";
