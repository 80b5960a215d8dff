//! Bytes to frames. Nothing is copied and nothing is reserved for what the sender only announces.

use bytes::Bytes;

use super::{
    AckStatus, BatchId, Frame, JoinErrorCode, MAX_MESSAGE_BYTES, MAX_ROOM_BYTES, Message,
    Permission, RoomErrorCode, RoomKind, Text, Updates,
};
use crate::error::{Error, Kind, Result};

/// Reads one binary message. The frame's payloads share the message's memory.
///
/// # Errors
/// `TooLarge` for a message or room id over its limit, else `Invalid`; the text names field and byte.
pub fn decode(message: Bytes) -> Result<Frame> {
    if message.len() > MAX_MESSAGE_BYTES {
        let length = message.len();
        let text = format!("message of {length} bytes: at most {MAX_MESSAGE_BYTES} are allowed");
        return Err(Error::new(Kind::TooLarge, text));
    }
    let mut reader = Reader { message, at: 0 };
    let kind = RoomKind::from_magic(reader.array("room kind")?);
    let room = reader.text("room id")?;
    if room.len() > MAX_ROOM_BYTES {
        let length = room.len();
        let text = format!("room id of {length} bytes: at most {MAX_ROOM_BYTES} are allowed");
        return Err(Error::new(Kind::TooLarge, text));
    }
    let message = reader.message()?;
    if reader.left() > 0 {
        return Err(reader.wrong("message", "bytes after its end"));
    }
    Ok(Frame {
        kind,
        room,
        message,
    })
}

/// Reads fields from front to back.
pub(super) struct Reader {
    pub(super) message: Bytes,
    /// Where the next field begins.
    pub(super) at: usize,
}

impl Reader {
    fn message(&mut self) -> Result<Message> {
        Ok(match self.byte("message type")? {
            0x00 => Message::JoinRequest {
                auth: self.bytes("credentials")?,
                version: self.bytes("version")?,
            },
            0x01 => Message::JoinResponseOk {
                permission: self.permission()?,
                version: self.bytes("version")?,
                extra: self.bytes("extra")?,
            },
            0x02 => self.join_error()?,
            0x03 => Message::DocUpdate {
                updates: Updates::read(self)?,
                batch: self.batch()?,
            },
            0x04 => Message::FragmentHeader {
                batch: self.batch()?,
                count: self.number("fragment count")?,
                total_bytes: self.number("total size")?,
            },
            0x05 => Message::Fragment {
                batch: self.batch()?,
                index: self.number("fragment index")?,
                bytes: self.bytes("fragment")?,
            },
            0x06 => Message::RoomError {
                code: RoomErrorCode::from_byte(self.byte("error code")?),
                message: self.text("error text")?,
            },
            0x07 => Message::Leave,
            0x08 => Message::Ack {
                batch: self.batch()?,
                status: AckStatus::from_byte(self.byte("ack status")?),
            },
            _ => return Err(self.wrong("message type", "not known")),
        })
    }

    fn permission(&mut self) -> Result<Permission> {
        match self.text("permission")?.as_str() {
            "read" => Ok(Permission::Read),
            "write" => Ok(Permission::Write),
            _ => Err(self.wrong("permission", "neither read nor write")),
        }
    }

    fn join_error(&mut self) -> Result<Message> {
        let code = JoinErrorCode::from_byte(self.byte("error code")?);
        let message = self.text("error text")?;
        let more = self.left() > 0;
        let version = match code {
            JoinErrorCode::VersionUnknown if more => Some(self.bytes("version")?),
            _ => None,
        };
        let app_code = match code {
            JoinErrorCode::AppError if more => Some(self.text("application code")?),
            _ => None,
        };
        Ok(Message::JoinError {
            code,
            message,
            version,
            app_code,
        })
    }

    pub(super) fn left(&self) -> usize {
        self.message.len() - self.at
    }

    fn take(&mut self, length: usize, field: &str) -> Result<Bytes> {
        if length > self.left() {
            return Err(self.wrong(field, "it is cut off"));
        }
        let taken = self.message.slice(self.at..self.at + length);
        self.at += length;
        Ok(taken)
    }

    fn byte(&mut self, field: &str) -> Result<u8> {
        let Some(&byte) = self.message.get(self.at) else {
            return Err(self.wrong(field, "it is missing"));
        };
        self.at += 1;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self, field: &str) -> Result<[u8; N]> {
        let Some(bytes) = self.message[self.at..].first_chunk() else {
            return Err(self.wrong(field, "it is cut off"));
        };
        self.at += N;
        Ok(*bytes)
    }

    fn batch(&mut self) -> Result<BatchId> {
        self.array("batch id").map(BatchId)
    }

    /// An unsigned LEB128 number.
    pub(super) fn number(&mut self, field: &str) -> Result<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte(field)?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.wrong(field, "a number beyond 64 bits"))
    }

    /// Steps over bytes with their length before them, and says where they are.
    pub(super) fn skip_bytes(&mut self, field: &str) -> Result<()> {
        let length = self.number(field)?;
        if length > self.left() as u64 {
            return Err(self.wrong(field, "longer than what is left of the message"));
        }
        self.at += length as usize;
        Ok(())
    }

    /// Bytes with their length before them.
    pub(super) fn bytes(&mut self, field: &str) -> Result<Bytes> {
        let length = self.number(field)?;
        match usize::try_from(length) {
            Ok(length) => self.take(length, field),
            Err(_) => Err(self.wrong(field, "it is cut off")),
        }
    }

    fn text(&mut self, field: &str) -> Result<Text> {
        let bytes = self.bytes(field)?;
        Text::try_from(bytes).map_err(|_| self.wrong(field, "not UTF-8"))
    }

    pub(super) fn wrong(&self, field: &str, what: &str) -> Error {
        let text = format!(
            "malformed message: {field}, before byte {}: {what}",
            self.at
        );
        Error::new(Kind::Invalid, text)
    }
}
