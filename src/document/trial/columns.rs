//! The tables of an update, column by column, as serde_columnar packs them.

use loro::{ID, PeerID};
use serde_columnar::{AnyRleDecoder, DeltaRleDecoder};

use super::decode::{Malformed, Read};
use super::operation::Op;
use crate::document::update::Reader;

/// The byte strings of a table's columns.
fn columns<'a, const N: usize>(table: &mut Reader<'a>) -> Read<[&'a [u8]; N]> {
    if table.varint()? != N as u64 {
        return Err(Malformed);
    }
    let mut columns = [&[][..]; N];
    for column in &mut columns {
        *column = table.bytes()?;
    }
    if table.0.is_empty() {
        Ok(columns)
    } else {
        Err(Malformed)
    }
}

/// The rows of the operations' table: container, property, type of value, length.
pub(super) struct Rows<'a> {
    container: DeltaRleDecoder<'a, u32>,
    prop: DeltaRleDecoder<'a, i32>,
    value_type: AnyRleDecoder<'a, u8>,
    len: AnyRleDecoder<'a, u32>,
}

impl<'a> Rows<'a> {
    pub fn new(bytes: &'a [u8]) -> Read<Self> {
        let mut table = Reader(bytes);
        if table.varint()? != 1 {
            return Err(Malformed);
        }
        let [container, prop, value_type, len] = columns(&mut table)?;
        Ok(Self {
            container: DeltaRleDecoder::new(container),
            prop: DeltaRleDecoder::new(prop),
            value_type: AnyRleDecoder::new(value_type),
            len: AnyRleDecoder::new(len),
        })
    }
}

impl Iterator for Rows<'_> {
    type Item = Read<(u32, i32, u8, u32)>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = (
            self.container.next(),
            self.prop.next(),
            self.value_type.next(),
            self.len.next(),
        );
        match row {
            (None, None, None, None) => None,
            (Some(Ok(container)), Some(Ok(prop)), Some(Ok(value_type)), Some(Ok(len))) => {
                Some(Ok((container, prop, value_type, len)))
            }
            _ => Some(Err(Malformed)),
        }
    }
}

/// The ids that deletions name: peer, counter, length (negative when deleted backwards).
pub(super) struct Deletes<'a>(Option<(Delta<'a, u64>, Delta<'a, i32>, Delta<'a, i64>)>);

type Delta<'a, T> = DeltaRleDecoder<'a, T>;

impl<'a> Deletes<'a> {
    pub fn new(bytes: &'a [u8]) -> Read<Self> {
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        let mut table = Reader(bytes);
        if table.varint()? != 1 {
            return Err(Malformed);
        }
        let [peer, counter, len] = columns(&mut table)?;
        Ok(Self(Some((
            Delta::new(peer),
            Delta::new(counter),
            Delta::new(len),
        ))))
    }

    pub fn next(&mut self, prop: i32, peers: &[PeerID]) -> Read<Op<'static>> {
        let (peer, counter, len) = self.0.as_mut().ok_or(Malformed)?;
        let peer = peer.next().ok_or(Malformed)??;
        let counter = counter.next().ok_or(Malformed)??;
        let signed = len.next().ok_or(Malformed)??;
        let peer = *peers
            .get(usize::try_from(peer).map_err(|_| Malformed)?)
            .ok_or(Malformed)?;
        let len = u32::try_from(signed.unsigned_abs()).map_err(|_| Malformed)?;
        // A backward deletion stands at its right end.
        let pos = if signed < 0 {
            i64::from(prop) + signed + 1
        } else {
            i64::from(prop)
        };
        if counter < 0 || counter.checked_add_unsigned(len).is_none() {
            return Err(Malformed);
        }
        Ok(Op::Delete {
            pos: u32::try_from(pos).map_err(|_| Malformed)?,
            len,
            start: ID::new(peer, counter),
        })
    }

    pub fn is_empty(&mut self) -> Read<bool> {
        Ok(match &mut self.0 {
            None => true,
            Some((peer, counter, len)) => {
                peer.next().is_none() && counter.next().is_none() && len.next().is_none()
            }
        })
    }
}
