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
    let mut meta: Option<UpdateMeta> = None;
    while !rest.0.is_empty() {
        let block_bytes = rest.varint()?;
        let block = block_range(rest.take(block_bytes)?)?;
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

/// A block opens with counter start and length, lamport start and length, the number of changes,
/// and the change header, whose first peer is the author.
fn block_range(block: &[u8]) -> Result<UpdateMeta> {
    let mut rest = Reader(block);
    let counter_start = rest.varint()?;
    let counter_len = rest.varint()?;
    let _lamport_start = rest.varint()?;
    let _lamport_len = rest.varint()?;
    let changes = rest.varint()?;
    let header_bytes = rest.varint()?;
    let mut header = Reader(rest.take(header_bytes)?);
    let peers = header.varint()?;
    if peers == 0 || peers > (header.0.len() / 8) as u64 {
        return Err(invalid("update has no author"));
    }
    let peer = header.take(8)?;
    let peer = PeerID::from_le_bytes(peer.try_into().expect("eight bytes were taken"));
    let counter_end = counter_start
        .checked_add(counter_len)
        .and_then(|end| i32::try_from(end).ok())
        .ok_or_else(|| invalid("update has a counter out of range"))?;
    if counter_len == 0 || changes == 0 || changes > counter_len {
        return Err(invalid("update has an empty range"));
    }
    Ok(UpdateMeta {
        peer,
        counter_start: (counter_end as u64 - counter_len) as i32,
        counter_end,
    })
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A LEB128 number of at most 64 bits.
    fn varint(&mut self) -> Result<u64> {
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

    fn take(&mut self, len: u64) -> Result<&'a [u8]> {
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
