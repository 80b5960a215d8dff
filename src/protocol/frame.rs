//! What a frame says. Every payload is a slice of the message that it came in.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

use super::Updates;
use crate::error::{Error, Kind, Result};

/// One message with its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Which of the rooms of that id.
    pub kind: RoomKind,
    /// The room id, at most [`super::MAX_ROOM_BYTES`].
    pub room: Text,
    /// What is said.
    pub message: Message,
}

/// Rooms of the same id but another kind are other rooms. On the wire: four magic bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoomKind {
    /// `%LOR`: a Loro document.
    Document,
    /// `%EPH`: a Loro ephemeral store.
    Ephemeral,
    /// Another kind of the published protocol, or of a later one.
    Other([u8; 4]),
}

impl RoomKind {
    /// The four bytes on the wire.
    pub fn magic(self) -> [u8; 4] {
        match self {
            Self::Document => *b"%LOR",
            Self::Ephemeral => *b"%EPH",
            Self::Other(magic) => magic,
        }
    }

    /// The kind that the four bytes stand for.
    pub fn from_magic(magic: [u8; 4]) -> Self {
        match &magic {
            b"%LOR" => Self::Document,
            b"%EPH" => Self::Ephemeral,
            _ => Self::Other(magic),
        }
    }
}

/// The messages of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// "Let me in; this is what I have."
    JoinRequest {
        /// Credentials; see PROTOCOL.md for what Quire takes.
        auth: Bytes,
        /// The client's encoded version vector; may be empty.
        version: Bytes,
    },
    /// "You are in; this is what I have."
    JoinResponseOk {
        /// Whether the client may write.
        permission: Permission,
        /// The server's encoded version vector.
        version: Bytes,
        /// Quire: JSON with the leased peer.
        extra: Bytes,
    },
    /// "You cannot come in."
    JoinError {
        /// Why, for programs.
        code: JoinErrorCode,
        /// Why, for people.
        message: Text,
        /// What the server has; only with [`JoinErrorCode::VersionUnknown`].
        version: Option<Bytes>,
        /// What went wrong in the application; only with [`JoinErrorCode::AppError`].
        app_code: Option<Text>,
    },
    /// Whole updates, acknowledged together.
    DocUpdate {
        /// The updates in order.
        updates: Updates,
        /// What the ack will name.
        batch: BatchId,
    },
    /// "An update comes in pieces."
    FragmentHeader {
        /// What its fragments and the ack will name.
        batch: BatchId,
        /// How many pieces.
        count: u64,
        /// Length of the whole update in bytes.
        total_bytes: u64,
    },
    /// One piece of an update.
    Fragment {
        /// The header's batch.
        batch: BatchId,
        /// Which piece, from 0.
        index: u64,
        /// The piece.
        bytes: Bytes,
    },
    /// "Something is wrong with this room."
    RoomError {
        /// What to do about it.
        code: RoomErrorCode,
        /// Why, for people; with [`RoomErrorCode::AppError`] the application's code.
        message: Text,
    },
    /// "I no longer listen."
    Leave,
    /// What became of a batch.
    Ack {
        /// The batch.
        batch: BatchId,
        /// What became of it.
        status: AckStatus,
    },
}

/// What a joiner may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Listen.
    Read,
    /// Listen and write.
    Write,
}

impl Permission {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// Names a batch between its sender and the ack.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchId(pub [u8; 8]);

impl From<u64> for BatchId {
    fn from(number: u64) -> Self {
        Self(number.to_be_bytes())
    }
}

impl fmt::Debug for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// Codes of one byte; a byte without meaning reads as the one called unknown, as published.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident, unknown $unknown:ident, $($(#[$code_doc:meta])* $code:ident = $byte:literal,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$code_doc])* $code = $byte,)*
        }

        impl $name {
            /// The byte on the wire.
            pub fn byte(self) -> u8 {
                self as u8
            }

            /// What the byte means.
            pub fn from_byte(byte: u8) -> Self {
                match byte {
                    $($byte => Self::$code,)*
                    _ => Self::$unknown,
                }
            }
        }
    };
}

codes! {
    /// Why a join was refused.
    JoinErrorCode, unknown Unknown,
    /// Unspecified.
    Unknown = 0x00,
    /// The client's version cannot be read.
    VersionUnknown = 0x01,
    /// Not signed in, or no access.
    AuthFailed = 0x02,
    /// See the application's code.
    AppError = 0x7f,
}

codes! {
    /// What became of a batch.
    AckStatus, unknown Unknown,
    /// Done: every update of it is durable.
    Ok = 0x00,
    /// Unspecified.
    Unknown = 0x01,
    /// The client may not write here.
    PermissionDenied = 0x03,
    /// It cannot be applied.
    InvalidUpdate = 0x04,
    /// It is larger than the limit.
    PayloadTooLarge = 0x05,
    /// Too much at a time; later it may work.
    RateLimited = 0x06,
    /// Its fragments did not all come in time.
    FragmentTimeout = 0x07,
    /// See the room error that follows.
    AppError = 0x7f,
}

codes! {
    /// What is wrong with a room.
    RoomErrorCode, unknown AppError,
    /// Join again: that mends it.
    RejoinSuggested = 0x01,
    /// The room is closed to this client; joining again does not help.
    Evicted = 0x02,
    /// See the application's code.
    AppError = 0x7f,
}

/// A slice of a message that is known to be UTF-8.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Text(Bytes);

impl Text {
    /// The text as a string.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("checked when it was made")
    }

    /// The same bytes, shared.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
}

impl TryFrom<Bytes> for Text {
    type Error = Error;

    /// Kind `Invalid` when the bytes are not UTF-8.
    fn try_from(bytes: Bytes) -> Result<Self> {
        match std::str::from_utf8(&bytes) {
            Ok(_) => Ok(Self(bytes)),
            Err(error) => Err(Error::caused(Kind::Invalid, "read text", error)),
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Bytes::from(text))
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
