//! What an update and a version vector say about themselves, read from hostile bytes without
//! allocating by what they claim. The operations inside are left to the trial.

use loro::{PeerID, VersionVector};
use xxhash_rust::xxh32::xxh32;

use crate::error::{Error, Kind, Result};

/// Bytes before the first block: magic, checksum, mode.
const HEADER_BYTES: usize = 22;
/// Where the checksum of everything from `MODE_AT` on stands, little endian.
const CHECKSUM_AT: usize = 16;
const MODE_AT: usize = 20;
/// Loro's export mode "updates", the only one that a client may send.
const MODE_UPDATES: [u8; 2] = [0, 4];
const CHECKSUM_SEED: u32 = u32::from_le_bytes(*b"LORO");

/// More peers than any version of Quire's documents names: peers are leased and used again.
pub const MAX_VERSION_PEERS: usize = 65_536;

/// The range of operations that an update holds: all of one peer, without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpdateMeta {
    /// The author's Loro peer.
    pub peer: PeerID,
    /// The first counter in the update.
    pub counter_start: i32,
    /// One past the last counter.
    pub counter_end: i32,
}

/// Reads the headers of an update's blocks. Takes well under a microsecond for a keystroke and
/// allocates nothing, so the server may call it before the trial.
///
/// # Errors
/// `Invalid` for anything but an intact export in `updates` mode of one peer's gapless range.
pub fn update_meta(update: &[u8]) -> Result<UpdateMeta> {
    let mut meta: Option<UpdateMeta> = None;
    for block in blocks(update)? {
        let block = Block::read(block?)?.meta()?;
        meta = Some(match meta {
            None => block,
            Some(whole) if whole.peer == block.peer => {
                if whole.counter_end != block.counter_start {
                    return Err(invalid("update has a gap between its blocks"));
                }
                UpdateMeta {
                    counter_end: block.counter_end,
                    ..whole
                }
            }
            Some(_) => return Err(invalid("update mixes several peers")),
        });
    }
    meta.ok_or_else(|| invalid("update is empty"))
}

/// For each peer of an update, of any number of peers, the counter after its last operation.
///
/// # Errors
/// `Invalid` when it is no intact export in `updates` mode.
pub fn update_ends(update: &[u8]) -> Result<VersionVector> {
    let mut ends = VersionVector::default();
    for block in blocks(update)? {
        let meta = Block::read(block?)?.meta()?;
        let end = ends.get(&meta.peer).copied().unwrap_or(0);
        ends.insert(meta.peer, end.max(meta.counter_end));
    }
    Ok(ends)
}

/// The blocks of an update whose header is right.
pub(super) fn blocks(update: &[u8]) -> Result<impl Iterator<Item = Result<&[u8]>>> {
    if update.len() < HEADER_BYTES || &update[..4] != b"loro" {
        return Err(invalid("update has no header"));
    }
    if update[MODE_AT..HEADER_BYTES] != MODE_UPDATES {
        return Err(invalid("update is not in updates mode"));
    }
    if update[CHECKSUM_AT..MODE_AT] != checksum(update).to_le_bytes() {
        return Err(invalid("update is damaged: wrong checksum"));
    }
    let mut rest = Reader(&update[HEADER_BYTES..]);
    Ok(std::iter::from_fn(move || {
        (!rest.0.is_empty()).then(|| rest.bytes())
    }))
}

/// One update of the blocks of several, each of which is intact.
///
/// # Errors
/// `Invalid` when one is not.
pub fn joined<'u>(updates: impl IntoIterator<Item = &'u [u8]>) -> Result<Vec<u8>> {
    let mut joined = Vec::new();
    for update in updates {
        if joined.is_empty() {
            joined.extend_from_slice(update.get(..HEADER_BYTES).unwrap_or_default());
        }
        // Reads the header, and the first block only when it is asked for one.
        drop(blocks(update)?);
        joined.extend_from_slice(&update[HEADER_BYTES..]);
    }
    if !joined.is_empty() {
        let checksum = checksum(&joined);
        joined[CHECKSUM_AT..MODE_AT].copy_from_slice(&checksum.to_le_bytes());
    }
    Ok(joined)
}

/// The checksum that Loro writes into an update's header.
///
/// # Panics
/// When `update` is shorter than a header.
pub fn checksum(update: &[u8]) -> u32 {
    xxh32(&update[MODE_AT..], CHECKSUM_SEED)
}

/// Reads an encoded version vector, as a joining client sends it.
///
/// # Errors
/// `Invalid` when it is malformed, names a negative counter or more than `MAX_VERSION_PEERS` peers.
pub fn decode_version(bytes: &[u8]) -> Result<VersionVector> {
    let mut rest = Reader(bytes);
    let peers = rest.varint()?;
    // A peer and its counter take two bytes at least.
    if peers > MAX_VERSION_PEERS as u64 || peers > (rest.0.len() / 2) as u64 {
        return Err(invalid("version names too many peers"));
    }
    let mut version = VersionVector::default();
    for _ in 0..peers {
        let peer = rest.varint()?;
        let zigzag = rest.varint()?;
        let counter = i32::try_from(zigzag / 2)
            .ok()
            .filter(|_| zigzag % 2 == 0)
            .ok_or_else(|| invalid("version has a counter out of range"))?;
        if counter > 0 {
            version.insert(peer, counter);
        }
    }
    if !rest.0.is_empty() {
        return Err(invalid("version has trailing bytes"));
    }
    Ok(version)
}

/// One block of an update, in its parts.
pub(super) struct Block<'a> {
    pub counter_start: u64,
    pub counter_len: u64,
    pub lamport_start: u64,
    pub lamport_len: u64,
    pub changes: u64,
    /// Peers, lengths, dependencies and lamports of the changes.
    pub header: &'a [u8],
    /// Timestamps and messages.
    pub change_meta: &'a [u8],
    pub containers: &'a [u8],
    pub keys: &'a [u8],
    /// Only of trees, which Quire's documents have not.
    pub positions: &'a [u8],
    pub operations: &'a [u8],
    pub deleted_ids: &'a [u8],
    pub values: &'a [u8],
}

impl<'a> Block<'a> {
    pub(super) fn read(block: &'a [u8]) -> Result<Self> {
        let mut rest = Reader(block);
        let block = Self {
            counter_start: rest.varint()?,
            counter_len: rest.varint()?,
            lamport_start: rest.varint()?,
            lamport_len: rest.varint()?,
            changes: rest.varint()?,
            header: rest.bytes()?,
            change_meta: rest.bytes()?,
            containers: rest.bytes()?,
            keys: rest.bytes()?,
            positions: rest.bytes()?,
            operations: rest.bytes()?,
            deleted_ids: rest.bytes()?,
            values: rest.bytes()?,
        };
        if !rest.0.is_empty() {
            return Err(invalid("update has a block with trailing bytes"));
        }
        Ok(block)
    }

    /// Everything but the header: two blocks that are equal in it hold the same operations, if
    /// their headers say the same.
    pub(super) fn without_header(&self) -> ([u64; 5], [&'a [u8]; 7]) {
        (
            [
                self.counter_start,
                self.counter_len,
                self.lamport_start,
                self.lamport_len,
                self.changes,
            ],
            [
                self.change_meta,
                self.containers,
                self.keys,
                self.positions,
                self.operations,
                self.deleted_ids,
                self.values,
            ],
        )
    }

    /// The first peer of the header is the author.
    fn meta(&self) -> Result<UpdateMeta> {
        let mut header = Reader(self.header);
        let peers = header.varint()?;
        if peers == 0 || peers > (header.0.len() / 8) as u64 {
            return Err(invalid("update has no author"));
        }
        let peer = header.take(8)?;
        let peer = PeerID::from_le_bytes(peer.try_into().expect("eight bytes were taken"));
        let counter_end = self
            .counter_start
            .checked_add(self.counter_len)
            .and_then(|end| i32::try_from(end).ok())
            .ok_or_else(|| invalid("update has a counter out of range"))?;
        if self.counter_len == 0 || self.changes == 0 || self.changes > self.counter_len {
            return Err(invalid("update has an empty range"));
        }
        Ok(UpdateMeta {
            peer,
            counter_start: (counter_end as u64 - self.counter_len) as i32,
            counter_end,
        })
    }
}

/// What is left to read.
pub(super) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// A LEB128 number of at most 64 bits.
    pub(super) fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for (i, &byte) in self.0.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f)
                .checked_shl(7 * i as u32)
                .unwrap_or_default();
            if byte < 0x80 {
                self.0 = &self.0[i + 1..];
                return Ok(value);
            }
        }
        Err(invalid("a number is cut off"))
    }

    /// A length and as many bytes.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8]> {
        let len = self.varint()?;
        self.take(len)
    }

    pub(super) fn take(&mut self, len: u64) -> Result<&'a [u8]> {
        if len > self.0.len() as u64 {
            return Err(invalid("a length points past the end"));
        }
        let (taken, rest) = self.0.split_at(len as usize);
        self.0 = rest;
        Ok(taken)
    }
}

fn invalid(why: &'static str) -> Error {
    Error::new(Kind::Invalid, why)
}
