//! The values inside an update: strings, marks, and what maps hold.

use super::decode::{Malformed, Read};
use crate::document::update::Reader;

/// How deep a plain value (an attribute, a mark's value) may be nested.
const MAX_DEPTH: usize = 32;
/// Strings that keys may be: names of roots, marks and what maps hold.
const MAX_KEY_BYTES: usize = 1024;

/// Loro's numbers for the kinds of plain values.
mod kind {
    pub const NULL: u8 = 0;
    pub const FALSE: u8 = 2;
    pub const INTEGER: u8 = 3;
    pub const FLOAT: u8 = 4;
    pub const STRING: u8 = 5;
    pub const BINARY: u8 = 6;
    pub const LIST: u8 = 7;
    pub const MAP: u8 = 8;
}

/// The block's keys.
pub fn keys(bytes: &[u8]) -> Read<Vec<&str>> {
    let mut rest = Reader(bytes);
    let mut keys = Vec::new();
    while !rest.0.is_empty() {
        let key = rest.bytes()?;
        if key.len() > MAX_KEY_BYTES {
            return Err(Malformed);
        }
        keys.push(std::str::from_utf8(key).map_err(|_| Malformed)?);
    }
    Ok(keys)
}

/// The block's values, read in the order of its operations.
pub struct Values<'a, 'k> {
    rest: Reader<'a>,
    keys: &'k [&'a str],
}

impl<'a, 'k> Values<'a, 'k> {
    pub fn new(bytes: &'a [u8], keys: &'k [&'a str]) -> Self {
        Self {
            rest: Reader(bytes),
            keys,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.0.is_empty()
    }

    pub fn string(&mut self) -> Read<&'a str> {
        std::str::from_utf8(self.rest.bytes()?).map_err(|_| Malformed)
    }

    /// A mark's flags, length, key and value; gives the length.
    pub fn mark(&mut self) -> Read<u32> {
        self.byte()?;
        let len = self.rest.varint()?;
        self.key()?;
        let value = self.byte()?;
        self.plain(value, 0)?;
        u32::try_from(len).map_err(|_| Malformed)
    }

    /// A plain value.
    pub fn value(&mut self) -> Read<()> {
        let value = self.byte()?;
        self.plain(value, 0)
    }

    fn plain(&mut self, value: u8, depth: usize) -> Read<()> {
        if depth > MAX_DEPTH {
            return Err(Malformed);
        }
        match value {
            kind::NULL..=kind::FALSE => {}
            kind::INTEGER => {
                self.rest.varint()?;
            }
            kind::FLOAT => {
                self.rest.take(8)?;
            }
            kind::BINARY => {
                self.rest.bytes()?;
            }
            kind::STRING => {
                self.string()?;
            }
            kind::LIST => {
                for _ in 0..self.len()? {
                    let value = self.byte()?;
                    self.plain(value, depth + 1)?;
                }
            }
            kind::MAP => {
                for _ in 0..self.len()? {
                    self.key()?;
                    let value = self.byte()?;
                    self.plain(value, depth + 1)?;
                }
            }
            // A container has no place in the document.
            _ => return Err(Malformed),
        }
        Ok(())
    }

    /// A number of values, each of which takes a byte at least.
    fn len(&mut self) -> Read<u64> {
        let len = self.rest.varint()?;
        if len > self.rest.0.len() as u64 {
            return Err(Malformed);
        }
        Ok(len)
    }

    fn key(&mut self) -> Read<()> {
        let key = self.rest.varint()?;
        if key >= self.keys.len() as u64 {
            return Err(Malformed);
        }
        Ok(())
    }

    fn byte(&mut self) -> Read<u8> {
        Ok(self.rest.take(1)?[0])
    }
}
