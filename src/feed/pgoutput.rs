//! Messages of the logical replication protocol, version 1, as the plugin `pgoutput` writes them.
//! Pure: any bytes give a message or an error, and nothing is copied.
//!
//! Source: <https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html>.

use bytes::{Buf, Bytes};

use crate::change::Lsn;
use crate::error::{Error, Kind, Result};

/// Microseconds between 1970 and 2000, from where Postgres counts.
const EPOCH_2000_US: i64 = 946_684_800_000_000;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    Begin {
        /// Where the commit record starts.
        commit_lsn: Lsn,
        /// Microseconds since 1970.
        committed_at_us: i64,
        xid: u32,
    },
    Commit {
        /// Where the commit record ends.
        end_lsn: Lsn,
    },
    Relation(Relation),
    Insert {
        relation_id: u32,
        tuple: Tuple,
    },
    /// From `pg_logical_emit_message`.
    Logical {
        is_transactional: bool,
        /// Where its record ends.
        lsn: Lsn,
        prefix: Bytes,
        content: Bytes,
    },
    /// A message that changes nothing for Quire: an origin, a type's name, or an update, delete or
    /// truncation of a published table, all of which Quire's tables do not know.
    Harmless,
}

/// What a table's rows look like from here on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    pub relation_id: u32,
    pub schema: Bytes,
    pub name: Bytes,
    pub columns: Vec<Column>,
}

/// A column of a [`Relation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: Bytes,
    pub type_oid: u32,
}

/// A row, still in its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuple(Bytes);

/// One column's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Binary(Bytes),
    /// Anything but null and binary: text, or a large value left out because it did not change.
    Other,
}

impl Message {
    /// Reads one message. Errors: kind `Internal`, when the bytes are none that this protocol
    /// version has.
    pub fn decode(bytes: Bytes) -> Result<Self> {
        let mut rest = Rest(bytes);
        match rest.u8()? {
            b'B' => Ok(Self::Begin {
                commit_lsn: Lsn(rest.u64()?),
                committed_at_us: rest.time_us()?,
                xid: rest.u32()?,
            }),
            b'C' => {
                rest.skip(1 + 8)?; // flags, the commit record's start
                Ok(Self::Commit {
                    end_lsn: Lsn(rest.u64()?),
                })
            }
            b'R' => Ok(Self::Relation(rest.relation()?)),
            b'I' => {
                let relation_id = rest.u32()?;
                if rest.u8()? != b'N' {
                    return Err(malformed("an insert without a new row"));
                }
                Ok(Self::Insert {
                    relation_id,
                    tuple: Tuple(rest.0),
                })
            }
            b'M' => {
                let flags = rest.u8()?;
                let lsn = Lsn(rest.u64()?);
                let prefix = rest.text()?;
                let length = rest.u32()? as usize;
                Ok(Self::Logical {
                    is_transactional: flags & 1 != 0,
                    lsn,
                    prefix,
                    content: rest.bytes(length)?,
                })
            }
            b'O' | b'Y' | b'U' | b'D' | b'T' => Ok(Self::Harmless),
            _ => Err(malformed("a message of an unknown type")),
        }
    }
}

impl Tuple {
    /// Calls `each` with the position and value of every column; there must be `width` of them.
    pub fn read(&self, width: usize, mut each: impl FnMut(usize, Value)) -> Result<()> {
        let mut rest = Rest(self.0.clone());
        if usize::from(rest.u16()?) != width {
            return Err(malformed("a row with another number of columns"));
        }
        for position in 0..width {
            let value = match rest.u8()? {
                b'n' => Value::Null,
                b'u' => Value::Other,
                b'b' => {
                    let length = rest.u32()? as usize;
                    Value::Binary(rest.bytes(length)?)
                }
                b't' => {
                    let length = rest.u32()? as usize;
                    rest.skip(length)?;
                    Value::Other
                }
                _ => return Err(malformed("a column of an unknown form")),
            };
            each(position, value);
        }
        Ok(())
    }
}

/// What is left to read.
struct Rest(Bytes);

impl Rest {
    fn need(&self, length: usize) -> Result<()> {
        if self.0.remaining() < length {
            return Err(malformed("a message that ends too early"));
        }
        Ok(())
    }

    fn u8(&mut self) -> Result<u8> {
        self.need(1)?;
        Ok(self.0.get_u8())
    }

    fn u16(&mut self) -> Result<u16> {
        self.need(2)?;
        Ok(self.0.get_u16())
    }

    fn u32(&mut self) -> Result<u32> {
        self.need(4)?;
        Ok(self.0.get_u32())
    }

    fn u64(&mut self) -> Result<u64> {
        self.need(8)?;
        Ok(self.0.get_u64())
    }

    fn time_us(&mut self) -> Result<i64> {
        self.need(8)?;
        Ok(self.0.get_i64().saturating_add(EPOCH_2000_US))
    }

    fn skip(&mut self, length: usize) -> Result<()> {
        self.need(length)?;
        self.0.advance(length);
        Ok(())
    }

    fn bytes(&mut self, length: usize) -> Result<Bytes> {
        self.need(length)?;
        Ok(self.0.split_to(length))
    }

    /// A string that ends with a zero byte.
    fn text(&mut self) -> Result<Bytes> {
        let end = self.0.iter().position(|byte| *byte == 0);
        let end = end.ok_or_else(|| malformed("a string without an end"))?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        Ok(text)
    }

    fn relation(&mut self) -> Result<Relation> {
        let relation_id = self.u32()?;
        let schema = self.text()?;
        let name = self.text()?;
        self.skip(1)?; // replica identity
        let count = self.u16()?;
        // Grows as columns are read: the count alone reserves nothing.
        let mut columns = Vec::new();
        for _ in 0..count {
            self.skip(1)?; // whether it is part of the key
            let name = self.text()?;
            let type_oid = self.u32()?;
            self.skip(4)?; // the type's modifier
            columns.push(Column { name, type_oid });
        }
        Ok(Relation {
            relation_id,
            schema,
            name,
            columns,
        })
    }
}

/// The messages around the plugin's own, inside of CopyData.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Envelope {
    /// A message of the plugin.
    Data {
        /// The database's clock when it was sent: microseconds since 1970.
        sent_at_us: i64,
        message: Bytes,
    },
    /// Everything before `lsn` has been sent.
    Keepalive { lsn: Lsn, wants_reply: bool },
}

impl Envelope {
    /// Reads the content of one CopyData.
    pub fn decode(bytes: Bytes) -> Result<Self> {
        let mut rest = Rest(bytes);
        match rest.u8()? {
            b'w' => {
                rest.skip(8 + 8)?; // where the data starts, twice in logical replication
                Ok(Self::Data {
                    sent_at_us: rest.time_us()?,
                    message: rest.0,
                })
            }
            b'k' => {
                let lsn = Lsn(rest.u64()?);
                rest.skip(8)?; // the database's clock
                Ok(Self::Keepalive {
                    lsn,
                    wants_reply: rest.u8()? != 0,
                })
            }
            _ => Err(malformed("a replication message of an unknown type")),
        }
    }
}

/// The client's status update: everything before `confirmed` was applied and is not needed again.
pub fn status_update(
    received: Lsn,
    confirmed: Lsn,
    now_us: i64,
    wants_reply: bool,
) -> [u8; 1 + 8 * 4 + 1] {
    let mut out = [0; 34];
    out[0] = b'r';
    out[1..9].copy_from_slice(&received.0.to_be_bytes());
    out[9..17].copy_from_slice(&confirmed.0.to_be_bytes());
    out[17..25].copy_from_slice(&confirmed.0.to_be_bytes());
    out[25..33].copy_from_slice(&(now_us.saturating_sub(EPOCH_2000_US)).to_be_bytes());
    out[33] = u8::from(wants_reply);
    out
}

pub(super) fn malformed(what: &str) -> Error {
    Error::new(
        Kind::Internal,
        format!("read the feed: the database sent {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_is_read_and_nothing_shorter() {
        let mut data = vec![b'w'];
        data.extend([0; 16]);
        data.extend(1_i64.to_be_bytes());
        data.extend(b"inner");
        let data = Bytes::from(data);
        assert_eq!(
            Envelope::decode(data.clone()).unwrap(),
            Envelope::Data {
                sent_at_us: EPOCH_2000_US + 1,
                message: Bytes::from_static(b"inner"),
            }
        );
        let mut keepalive = vec![b'k'];
        keepalive.extend(0x16_B374_D848_u64.to_be_bytes());
        keepalive.extend([0; 8]);
        keepalive.push(1);
        let keepalive = Bytes::from(keepalive);
        assert_eq!(
            Envelope::decode(keepalive.clone()).unwrap(),
            Envelope::Keepalive {
                lsn: Lsn(0x16_B374_D848),
                wants_reply: true,
            }
        );
        for length in 0..25 {
            assert!(Envelope::decode(data.slice(..length)).is_err(), "{length}");
        }
        for length in 0..18 {
            assert!(
                Envelope::decode(keepalive.slice(..length)).is_err(),
                "{length}"
            );
        }
        assert!(Envelope::decode(Bytes::from_static(b"?")).is_err());
    }

    #[test]
    fn a_status_update_confirms_what_it_is_told() {
        let update = status_update(Lsn(3), Lsn(2), EPOCH_2000_US + 5, true);
        assert_eq!(update[0], b'r');
        let numbers = update[1..33].chunks(8).map(|bytes| bytes[7]);
        assert_eq!(numbers.collect::<Vec<_>>(), [3, 2, 2, 5]);
        assert_eq!(update[33], 1);
    }
}
