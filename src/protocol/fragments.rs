//! Putting fragmented updates together: bounded in number, bytes and time. One value a connection.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::{
    BatchId, FRAGMENT_TIMEOUT_S, MAX_FRAGMENTS, MAX_OPEN_BATCHES, MAX_REASSEMBLED_BYTES, RoomKind,
    Text,
};
use crate::error::{Error, Kind, Result};

/// The incomplete updates of one connection. Memory grows with what arrived, not with what was
/// announced: at most [`MAX_OPEN_BATCHES`] times [`MAX_REASSEMBLED_BYTES`], once more while one is
/// put together.
#[derive(Debug, Default)]
pub struct Reassembly {
    open: Vec<Open>,
}

/// One incomplete update.
#[derive(Debug)]
struct Open {
    kind: RoomKind,
    room: Text,
    batch: BatchId,
    deadline: Instant,
    total_bytes: usize,
    arrived_bytes: usize,
    missing: usize,
    pieces: Vec<Option<Bytes>>,
}

impl Open {
    fn is(&self, kind: RoomKind, room: &str, batch: BatchId) -> bool {
        self.batch == batch && self.kind == kind && self.room.as_str() == room
    }
}

impl Reassembly {
    /// Takes a fragment header.
    ///
    /// # Errors
    /// `TooLarge` for an update over the limit, `Limited` when too many are open, `Invalid` for
    /// numbers that cannot be or a batch that is open already (which is then given up). Answer
    /// with an ack of that meaning; the fragments that still come are `Gone`.
    pub fn begin(
        &mut self,
        kind: RoomKind,
        room: &Text,
        batch: BatchId,
        count: u64,
        total_bytes: u64,
        now: Instant,
    ) -> Result<()> {
        if let Some(at) = self.position(kind, room, batch) {
            self.open.swap_remove(at);
            return Err(Error::new(Kind::Invalid, "fragments: this batch is open"));
        }
        if total_bytes > MAX_REASSEMBLED_BYTES as u64 || count > MAX_FRAGMENTS as u64 {
            let text = format!(
                "update of {total_bytes} bytes in {count} fragments: at most \
                 {MAX_REASSEMBLED_BYTES} bytes in {MAX_FRAGMENTS} are allowed"
            );
            return Err(Error::new(Kind::TooLarge, text));
        }
        if count == 0 || count > total_bytes {
            let text = "fragments: a header needs at least one, and a byte for each";
            return Err(Error::new(Kind::Invalid, text));
        }
        if self.open.len() >= MAX_OPEN_BATCHES {
            let text = format!("fragments: {MAX_OPEN_BATCHES} updates are incomplete already");
            return Err(Error::new(Kind::Limited, text));
        }
        self.open.push(Open {
            kind,
            // A copy: a slice would keep the whole message.
            room: Text::from(room.as_str()),
            batch,
            deadline: now + Duration::from_secs(FRAGMENT_TIMEOUT_S),
            total_bytes: total_bytes as usize,
            arrived_bytes: 0,
            missing: count as usize,
            pieces: vec![None; count as usize],
        });
        Ok(())
    }

    /// Takes a fragment; with the last one comes the whole update. Order does not matter.
    ///
    /// # Errors
    /// `Gone` when no such batch is open (refused, given up or out of time: that was answered
    /// already, so this needs no answer); `Invalid` when it does not fit its header, and then the
    /// batch is given up.
    pub fn add(
        &mut self,
        kind: RoomKind,
        room: &str,
        batch: BatchId,
        index: u64,
        bytes: &[u8],
    ) -> Result<Option<Bytes>> {
        let Some(at) = self.position(kind, room, batch) else {
            return Err(Error::new(Kind::Gone, "fragments: no such batch is open"));
        };
        let open = &mut self.open[at];
        let slot = usize::try_from(index)
            .ok()
            .and_then(|index| open.pieces.get_mut(index));
        let fits = open.arrived_bytes + bytes.len() <= open.total_bytes;
        let (Some(slot @ None), true, false) = (slot, fits, bytes.is_empty()) else {
            self.open.swap_remove(at);
            let text = format!("fragment {index}: it does not fit its header");
            return Err(Error::new(Kind::Invalid, text));
        };
        // A copy: the received message may be a slice of a larger buffer.
        *slot = Some(Bytes::copy_from_slice(bytes));
        open.arrived_bytes += bytes.len();
        open.missing -= 1;
        if open.missing > 0 {
            return Ok(None);
        }
        let whole = self.open.swap_remove(at);
        if whole.arrived_bytes != whole.total_bytes {
            let text = "fragments: together shorter than their header says";
            return Err(Error::new(Kind::Invalid, text));
        }
        let mut update = BytesMut::with_capacity(whole.total_bytes);
        for piece in whole.pieces.into_iter().flatten() {
            update.extend_from_slice(&piece);
        }
        Ok(Some(update.freeze()))
    }

    /// Gives up what is out of time. Each is to be answered with a fragment time-out.
    pub fn expire(&mut self, now: Instant) -> Vec<(RoomKind, Text, BatchId)> {
        let mut late = Vec::new();
        self.open.retain(|open| {
            let in_time = open.deadline > now;
            if !in_time {
                late.push((open.kind, open.room.clone(), open.batch));
            }
            in_time
        });
        late
    }

    /// When to call [`Self::expire`] next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.open.iter().map(|open| open.deadline).min()
    }

    /// Forgets what is incomplete in a room that was left.
    pub fn forget(&mut self, kind: RoomKind, room: &str) {
        self.open
            .retain(|open| open.kind != kind || open.room.as_str() != room);
    }

    fn position(&self, kind: RoomKind, room: &str, batch: BatchId) -> Option<usize> {
        self.open.iter().position(|open| open.is(kind, room, batch))
    }
}
