//! What servers tell each other through the log without writing a row: who is where, and that the
//! server itself lives. Pure bytes; one message holds all that changed in a tick.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use uuid::Uuid;

use super::vitals::Vitals;
use crate::document::trial::DocKey;
use crate::feed::message::{put_bytes, take_bytes, take_text, take_uuid};

const FORMAT: u8 = 1;

/// What the sending server says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// It lives.
    Lives,
    /// It has just begun to hear the log and knows of nobody: tell it.
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
    /// How the server is, if it says so. It stands at the end, where versions without it do not look.
    pub vitals: Option<Vitals>,
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
        if let Some(vitals) = &self.vitals {
            put_bytes(&mut out, &vitals.encode());
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
        let vitals = match bytes.is_empty() {
            true => None,
            false => Vitals::decode(&take_bytes(&mut bytes)?),
        };
        Some(Self {
            server_id,
            server,
            address,
            entries,
            vitals,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message {
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
            vitals: None,
        }
    }

    #[test]
    fn a_message_reads_as_it_was_written_and_no_part_of_it_does() {
        let message = message();
        let bytes = message.encode();
        assert_eq!(Message::decode(bytes.clone()), Some(message));
        for len in 0..bytes.len() {
            assert_eq!(Message::decode(bytes.slice(..len)), None);
        }
    }

    #[test]
    fn versions_that_say_how_they_are_and_versions_that_do_not_read_each_other() {
        let old = message();
        let vitals = Vitals {
            version: "0.1.0".into(),
            lag_ms: 3,
            ..Vitals::default()
        };
        let new = Message {
            vitals: Some(vitals),
            ..old.clone()
        };
        let (old_bytes, new_bytes) = (old.encode(), new.encode());
        // A version without it reads this far, and what it reads is its own message.
        assert!(new_bytes.starts_with(&old_bytes));
        assert_eq!(Message::decode(new_bytes.clone()), Some(new));
        for len in old_bytes.len() + 1..new_bytes.len() {
            assert_eq!(Message::decode(new_bytes.slice(..len)), None);
        }
        // What a later version says there in another way is let go.
        let mut later = BytesMut::from(&old_bytes[..]);
        put_bytes(&mut later, b"\x02something");
        assert_eq!(Message::decode(later.freeze()), Some(old.clone()));
        let mut more = BytesMut::from(&old_bytes[..]);
        put_bytes(&mut more, br#"{"version":"9","mood":"good"}"#);
        let read = Message::decode(more.freeze()).and_then(|message| message.vitals);
        assert_eq!(read.map(|vitals| vitals.version), Some("9".to_owned()));
    }
}
