//! What an operation of an update does, by the type of the container that it changes.

use loro::{ID, PeerID};

use super::columns::Deletes;
use super::decode::{Malformed, Read};
use super::values::Values;

/// What an operation does. Positions in texts count characters and the ends of marks.
#[derive(Debug)]
pub enum Op<'a> {
    InsertText {
        len: u32,
        text: &'a str,
    },
    /// Deletes the elements with the `len` ids from `start` on, of which the first stands at `pos`.
    Delete {
        pos: u32,
        len: u32,
        start: ID,
    },
    MarkStart {
        len: u32,
    },
    MarkEnd,
    Set,
    Unset,
}

impl Op<'_> {
    /// How many counters the operation takes.
    pub fn len(&self) -> u32 {
        match self {
            Self::InsertText { len, .. } | Self::Delete { len, .. } => *len,
            Self::MarkStart { .. } | Self::MarkEnd | Self::Set | Self::Unset => 1,
        }
    }
}

/// Loro's numbers for types of values.
mod value_type {
    pub const NULL: u8 = 0;
    pub const STRING: u8 = 5;
    pub const DELETE_ONCE: u8 = 8;
    pub const DELETE_SEQUENCE: u8 = 9;
    pub const VALUE: u8 = 11;
    pub const MARK_START: u8 = 12;
}

pub(super) fn text_op<'a>(
    value_type: u8,
    prop: i32,
    values: &mut Values<'a, '_>,
    deletes: &mut Deletes<'_>,
    peers: &[PeerID],
) -> Read<Op<'a>> {
    // Loro itself refuses positions beyond the end.
    let pos = u32::try_from(prop).map_err(|_| Malformed);
    match value_type {
        value_type::STRING => {
            let text = values.string()?;
            let len = u32::try_from(text.chars().count()).map_err(|_| Malformed)?;
            pos?;
            Ok(Op::InsertText { len, text })
        }
        value_type::DELETE_SEQUENCE => deletes.next(prop, peers),
        value_type::MARK_START => {
            pos?;
            let len = values.mark()?;
            Ok(Op::MarkStart { len })
        }
        value_type::NULL => Ok(Op::MarkEnd),
        _ => Err(Malformed),
    }
}

pub(super) fn map_op<'a>(
    value_type: u8,
    prop: i32,
    values: &mut Values<'a, '_>,
    keys: &[&str],
) -> Read<Op<'a>> {
    if usize::try_from(prop).map_or(true, |key| key >= keys.len()) {
        return Err(Malformed);
    }
    match value_type {
        value_type::VALUE => {
            values.value()?;
            Ok(Op::Set)
        }
        value_type::DELETE_ONCE => Ok(Op::Unset),
        _ => Err(Malformed),
    }
}
