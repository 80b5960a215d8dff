//! What servers tell each other through the log without writing a row: who is where, and that the
//! server itself lives. Pure bytes; one message holds all that changed in a tick.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::document::trial::DocKey;
use crate::feed::message::{put_bytes, take_bytes, take_text, take_uuid};

const FORMAT: u8 = 1;
/// Longest message in bytes; more presence than that goes into the next one.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// What the sending server says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// It lives.
    Lives,
    /// It has just started and knows of nobody: tell it.
    Started,
    /// It is going: forget what it said.
    Leaves,
    /// It lives and wants no more clients: it is about to go, or does not hear the log.
    Withdraws,
}

/// Presence of one key in one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub room: DocKey,
    pub key: String,
    /// The encoded ephemeral entry, as readers get it.
    pub data: Bytes,
    /// Whether it says that the key is gone.
    pub is_removal: bool,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub server_id: Uuid,
    pub server: Server,
    /// Where browsers reach the server.
    pub address: String,
    pub entries: Vec<Entry>,
}

impl Message {
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(64 + self.entries.len() * 256);
        out.put_u8(FORMAT);
        out.put_slice(self.server_id.as_bytes());
        out.put_u8(match self.server {
            Server::Lives => 0,
            Server::Started => 1,
            Server::Leaves => 2,
            Server::Withdraws => 3,
        });
        put_bytes(&mut out, self.address.as_bytes());
        out.put_u32(self.entries.len() as u32);
        for entry in &self.entries {
            out.put_slice(entry.room.org_id.as_bytes());
            out.put_slice(entry.room.document_id.as_bytes());
            out.put_u8(u8::from(entry.is_removal));
            put_bytes(&mut out, entry.key.as_bytes());
            put_bytes(&mut out, &entry.data);
        }
        out.freeze()
    }

    /// None for anything that is not a whole message: another version's, or somebody else's.
    pub fn decode(mut bytes: Bytes) -> Option<Self> {
        if bytes.try_get_u8().ok()? != FORMAT {
            return None;
        }
        let server_id = take_uuid(&mut bytes)?;
        let server = match bytes.try_get_u8().ok()? {
            0 => Server::Lives,
            1 => Server::Started,
            2 => Server::Leaves,
            3 => Server::Withdraws,
            _ => return None,
        };
        let address = take_text(&mut bytes)?;
        let count = bytes.try_get_u32().ok()?;
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push(Entry {
                room: DocKey {
                    org_id: take_uuid(&mut bytes)?,
                    document_id: take_uuid(&mut bytes)?,
                },
                is_removal: bytes.try_get_u8().ok()? == 1,
                key: take_text(&mut bytes)?,
                data: take_bytes(&mut bytes)?,
            });
        }
        Some(Self {
            server_id,
            server,
            address,
            entries,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_as_it_was_written_and_no_part_of_it_does() {
        let message = Message {
            server_id: Uuid::from_u128(7),
            server: Server::Started,
            address: "http://127.0.0.1:4400".into(),
            entries: vec![Entry {
                room: DocKey {
                    org_id: Uuid::from_u128(1),
                    document_id: Uuid::from_u128(2),
                },
                key: "42".into(),
                data: Bytes::from_static(b"entry"),
                is_removal: false,
            }],
        };
        let bytes = message.encode();
        assert_eq!(Message::decode(bytes.clone()), Some(message));
        for len in 0..bytes.len() {
            assert_eq!(Message::decode(bytes.slice(..len)), None);
        }
    }
}
