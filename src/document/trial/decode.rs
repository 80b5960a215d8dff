//! Loro's update format, decoded by Quire before Loro sees it: bounded by the bytes that are there,
//! never by what they claim. What no editor of Quire's model can have written is refused here.
//!
//! The format stands in loro-internal 1.17: `oplog/change_store/block_encode.rs` and
//! `block_meta_encode.rs`.

use std::collections::HashMap;

use loro::{ContainerID, ContainerType, Counter, ID, Lamport, PeerID};
use serde_columnar::{AnyRleDecoder, BoolRleDecoder, DeltaOfDeltaDecoder};

use super::columns::{Deletes, Rows};
use super::operation::{Op, map_op, text_op};
use super::values::{Values, keys};
use crate::document::model::is_root;
use crate::document::update::{Block, Reader, blocks};
use crate::error::Error;

/// Changes, operations and dependencies that one update may hold: far more than any paste.
const MAX_CHANGES: u64 = 100_000;
const MAX_OPERATIONS: usize = 500_000;
const MAX_DEPENDENCIES: usize = 1_000;
/// Bytes of a commit message; Quire's editor writes none.
const MAX_MESSAGE_BYTES: usize = 4 * 1024;
/// Timestamps are anything, but Loro subtracts them: milliseconds until the year 10889.
const MAX_TIMESTAMP: i64 = 1 << 48;

/// Why an update was not decoded.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

/// The result of reading a part of an update.
pub type Read<T> = Result<T, Malformed>;

impl From<Error> for Malformed {
    fn from(_: Error) -> Self {
        Self
    }
}

impl From<serde_columnar::ColumnarError> for Malformed {
    fn from(_: serde_columnar::ColumnarError) -> Self {
        Self
    }
}

/// A decoded update.
#[derive(Debug, Default)]
pub struct Decoded<'a> {
    pub changes: Vec<Change>,
    pub operations: Vec<Operation<'a>>,
    /// Containers that operations name by index, each once, whichever of the blocks names it.
    pub containers: Vec<Container<'a>>,
}

/// Operations of one commit, or of several that Loro merged.
#[derive(Debug)]
pub struct Change {
    pub id: ID,
    pub len: Counter,
    pub lamport: Lamport,
    pub depends_on_self: bool,
    /// The other peers' operations that the author had seen.
    pub others: Vec<ID>,
}

/// The container types of Quire's documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    Map,
    Text,
}

impl Type {
    pub(super) fn from_byte(byte: u8) -> Read<Self> {
        match byte {
            0 => Ok(Self::Map),
            2 => Ok(Self::Text),
            // Lists, trees, movable lists, counters and what is yet to come.
            _ => Err(Malformed),
        }
    }
}

/// Where an operation works: a root, by its name. Quire's documents have no other containers, so that what
/// two people begin at once is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Container<'a> {
    pub name: &'a str,
    pub kind: Type,
}

impl Container<'_> {
    /// The container as Loro names it.
    pub fn id(&self) -> ContainerID {
        ContainerID::new_root(self.name, self.loro_type())
    }

    /// Whether the model has it.
    pub fn is_known(&self) -> bool {
        is_root(self.name, self.loro_type())
    }

    fn loro_type(&self) -> ContainerType {
        match self.kind {
            Type::Map => ContainerType::Map,
            Type::Text => ContainerType::Text,
        }
    }
}

/// One operation; `counter` is that of its first atom.
#[derive(Debug)]
pub struct Operation<'a> {
    pub counter: Counter,
    /// An index into `containers`.
    pub container: usize,
    pub kind: Op<'a>,
}

/// Decodes a whole update.
pub fn decode(update: &[u8]) -> Read<Decoded<'_>> {
    let mut decoded = Decoded::default();
    let mut places = HashMap::new();
    for block in blocks(update)? {
        decode_block(&Block::read(block?)?, &mut decoded, &mut places)?;
    }
    Ok(decoded)
}

/// `places` says where containers stand among those of all blocks: each block numbers its own.
fn decode_block<'a>(
    block: &Block<'a>,
    decoded: &mut Decoded<'a>,
    places: &mut HashMap<Container<'a>, usize>,
) -> Read<()> {
    if !block.positions.is_empty() {
        return Err(Malformed);
    }
    let first_change = decoded.changes.len();
    let peers = decode_changes(block, decoded)?;
    check_change_meta(block)?;
    let keys = keys(block.keys)?;
    let containers: Vec<usize> = decode_containers(block, &keys)?
        .into_iter()
        .map(|container| {
            *places.entry(container).or_insert_with(|| {
                decoded.containers.push(container);
                decoded.containers.len() - 1
            })
        })
        .collect();

    let mut values = Values::new(block.values, &keys);
    let mut deletes = Deletes::new(block.deleted_ids)?;
    let mut change = first_change;
    let mut counter = decoded.changes[first_change].id.counter;
    for row in Rows::new(block.operations)? {
        let (container, prop, value_type, len) = row?;
        if decoded.operations.len() >= MAX_OPERATIONS {
            return Err(Malformed);
        }
        let container = *containers.get(container as usize).ok_or(Malformed)?;
        let kind = match decoded.containers[container].kind {
            Type::Text => text_op(value_type, prop, &mut values, &mut deletes, &peers)?,
            Type::Map => map_op(value_type, prop, &mut values, &keys)?,
        };
        if kind.len() != len || len == 0 {
            return Err(Malformed);
        }
        decoded.operations.push(Operation {
            counter,
            container,
            kind,
        });
        let end = decoded.changes.get(change).ok_or(Malformed)?;
        let end = end.id.counter + end.len;
        counter = counter.checked_add_unsigned(len).ok_or(Malformed)?;
        if counter > end {
            return Err(Malformed);
        }
        if counter == end {
            change += 1;
        }
    }
    if change != decoded.changes.len() || !values.is_empty() || !deletes.is_empty()? {
        return Err(Malformed);
    }
    Ok(())
}

/// Reads the changes of a block; gives the block's table of peers.
fn decode_changes(block: &Block<'_>, decoded: &mut Decoded<'_>) -> Read<Vec<PeerID>> {
    if block.changes == 0 || block.changes > block.counter_len.min(MAX_CHANGES) {
        return Err(Malformed);
    }
    let changes = block.changes as usize;
    let mut header = Reader(block.header);
    let count = header.varint()?;
    if count == 0 || count > (header.0.len() / 8) as u64 {
        return Err(Malformed);
    }
    let peers: Vec<PeerID> = header
        .take(count * 8)?
        .chunks_exact(8)
        .map(|peer| PeerID::from_le_bytes(peer.try_into().expect("chunks of eight")))
        .collect();
    // The last length and the last lamport follow from the block's.
    let mut left = u32::try_from(block.counter_len).map_err(|_| Malformed)?;
    let mut lengths = Vec::with_capacity(changes);
    for _ in 1..changes {
        let length = u32::try_from(header.varint()?).map_err(|_| Malformed)?;
        left = left.checked_sub(length).ok_or(Malformed)?;
        lengths.push(length);
    }
    lengths.push(left);

    let (on_self, rest) = BoolRleDecoder::new(header.0).take_n_finalize(changes)?;
    let (counts, rest) = AnyRleDecoder::<u64>::new(rest).take_n_finalize(changes)?;
    let others = counts
        .iter()
        .try_fold(0usize, |sum, n| sum.checked_add(usize::try_from(*n).ok()?))
        .filter(|sum| *sum <= MAX_DEPENDENCIES.max(changes * 4))
        .ok_or(Malformed)?;
    let (other_peers, rest) = AnyRleDecoder::<u64>::new(rest).take_n_finalize(others)?;
    let (other_counters, rest) = DeltaOfDeltaDecoder::<u32>::new(rest)?.take_n_finalize(others)?;
    let (lamports, rest) = DeltaOfDeltaDecoder::<u32>::new(rest)?.take_n_finalize(changes - 1)?;
    if !rest.is_empty() {
        return Err(Malformed);
    }
    let last_lamport = block
        .lamport_start
        .checked_add(block.lamport_len)
        .and_then(|end| end.checked_sub(u64::from(left)))
        .and_then(|lamport| u32::try_from(lamport).ok())
        .ok_or(Malformed)?;
    if u64::from(*lamports.first().unwrap_or(&last_lamport)) != block.lamport_start {
        return Err(Malformed);
    }

    let mut dependencies = other_peers.into_iter().zip(other_counters);
    let mut counter = i32::try_from(block.counter_start).map_err(|_| Malformed)?;
    for i in 0..changes {
        let others = dependencies
            .by_ref()
            .take(counts[i] as usize)
            .map(|(peer, counter)| {
                let peer = peers.get(peer as usize).ok_or(Malformed)?;
                let counter = i32::try_from(counter).map_err(|_| Malformed)?;
                Ok(ID::new(*peer, counter))
            })
            .collect::<Read<Vec<ID>>>()?;
        let len = i32::try_from(lengths[i]).map_err(|_| Malformed)?;
        if len == 0 || (on_self[i] && counter == 0) {
            return Err(Malformed);
        }
        decoded.changes.push(Change {
            id: ID::new(peers[0], counter),
            len,
            lamport: lamports.get(i).copied().unwrap_or(last_lamport),
            depends_on_self: on_self[i],
            others,
        });
        counter = counter.checked_add(len).ok_or(Malformed)?;
    }
    Ok(peers)
}

/// Timestamps and messages mean nothing to Quire; they must only be ones that Loro can handle.
fn check_change_meta(block: &Block<'_>) -> Read<()> {
    let changes = block.changes as usize;
    let (timestamps, rest) =
        DeltaOfDeltaDecoder::<i64>::new(block.change_meta)?.take_n_finalize(changes)?;
    if timestamps.iter().any(|t| !(0..MAX_TIMESTAMP).contains(t)) {
        return Err(Malformed);
    }
    let (lengths, mut messages) = AnyRleDecoder::<u32>::new(rest).take_n_finalize(changes)?;
    for length in lengths {
        let length = length as usize;
        if length > messages.len().min(MAX_MESSAGE_BYTES) {
            return Err(Malformed);
        }
        let (message, rest) = messages.split_at(length);
        std::str::from_utf8(message).map_err(|_| Malformed)?;
        messages = rest;
    }
    if messages.is_empty() {
        Ok(())
    } else {
        Err(Malformed)
    }
}

fn decode_containers<'a>(block: &Block<'a>, keys: &[&'a str]) -> Read<Vec<Container<'a>>> {
    let mut containers = Vec::new();
    let mut rest = Reader(block.containers);
    let count = rest.varint()?;
    if count > rest.0.len() as u64 {
        return Err(Malformed);
    }
    for _ in 0..count {
        // Each row opens with its number of fields.
        if rest.varint()? != 4 {
            return Err(Malformed);
        }
        let is_root = rest.take(1)?[0];
        let kind = Type::from_byte(rest.take(1)?[0])?;
        rest.varint()?;
        let zigzag = rest.varint()?;
        // An index is not negative.
        if zigzag % 2 != 0 || is_root != 1 {
            return Err(Malformed);
        }
        let key = usize::try_from(zigzag / 2).map_err(|_| Malformed)?;
        let name = keys.get(key).ok_or(Malformed)?;
        containers.push(Container { name, kind });
    }
    if rest.0.is_empty() {
        Ok(containers)
    } else {
        Err(Malformed)
    }
}
