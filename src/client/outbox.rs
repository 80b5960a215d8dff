//! Updates that are not durable yet, in the order in which they were made. Pure.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::error::Result;
use crate::protocol::{BatchId, RoomKind, encode_updates};

/// What is not acknowledged: first what was sent, then what was not.
#[derive(Debug, Default)]
pub struct Outbox {
    updates: VecDeque<Waiting>,
    /// How many of them were sent over this connection.
    sent: usize,
    /// What was sent together, oldest first.
    batches: VecDeque<(BatchId, usize)>,
    /// Batch ids are numbers, never used twice by one outbox.
    next_batch: u64,
}

/// One update and what it stands for.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Loro's encoded operations of one peer.
    pub update: Bytes,
    /// The counter of its first operation.
    pub counter_start: i32,
    /// The counter after its last operation.
    pub counter_end: i32,
    /// When it was made.
    pub made_at: Instant,
}

impl Outbox {
    /// How many updates are not acknowledged.
    pub fn len(&self) -> usize {
        self.updates.len()
    }

    /// Whether everything is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.updates.is_empty()
    }

    /// Whether something waits to be sent.
    pub fn has_unsent(&self) -> bool {
        self.sent < self.updates.len()
    }

    /// Everything that waits to be sent, in its order.
    pub fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.updates.range(self.sent..)
    }

    /// Whether something was sent over this connection and is not acknowledged.
    pub fn has_unanswered(&self) -> bool {
        self.sent > 0
    }

    /// Adds the newest update.
    pub fn push(&mut self, update: Waiting) {
        self.updates.push_back(update);
    }

    /// Messages for what was not sent yet, `limit` updates at most.
    ///
    /// # Errors
    /// `TooLarge` when an update is over the protocol's limit: then nothing more can be sent.
    pub fn send(&mut self, room: &str, limit: usize) -> Result<Vec<Bytes>> {
        let end = self.updates.len().min(self.sent.saturating_add(limit));
        if self.sent == end {
            return Ok(Vec::new());
        }
        let unsent: Vec<&[u8]> = self
            .updates
            .range(self.sent..end)
            .map(|waiting| &waiting.update[..])
            .collect();
        let (batches, next_batch) = (&mut self.batches, &mut self.next_batch);
        let frames = encode_updates(RoomKind::Document, room, &unsent, |count| {
            let batch = BatchId::from(*next_batch);
            *next_batch += 1;
            batches.push_back((batch, count));
            batch
        })?;
        self.sent = end;
        Ok(frames)
    }

    /// Takes out what an ack confirms. Each update starts where the one before it ended, durably, so
    /// an ack also stands for what was sent before it.
    pub fn acknowledge(&mut self, batch: BatchId) -> impl Iterator<Item = Waiting> {
        let position = self.batches.iter().position(|(sent, _)| *sent == batch);
        let confirmed = match position {
            Some(position) => self
                .batches
                .drain(..=position)
                .map(|(_, count)| count)
                .sum(),
            // Of a former connection, and settled by the version of the join since.
            None => 0,
        };
        self.sent -= confirmed;
        self.updates.drain(..confirmed)
    }

    /// Whether a batch was sent over this connection and is not answered.
    pub fn is_under_way(&self, batch: BatchId) -> bool {
        self.batches.iter().any(|(sent, _)| *sent == batch)
    }

    /// A new join: takes out what the durable version has; the rest is to be sent again.
    pub fn rejoin(&mut self, durable: i32) -> impl Iterator<Item = Waiting> {
        self.batches.clear();
        self.sent = 0;
        let done = self
            .updates
            .partition_point(|waiting| waiting.counter_end <= durable);
        self.updates.drain(..done)
    }

    /// After [`Self::rejoin`]: takes out the oldest update if the durable version ends within it.
    pub fn take_begun(&mut self, durable: i32) -> Option<Waiting> {
        debug_assert_eq!(self.sent, 0, "only right after a join");
        let is_begun = self.first_counter()? < durable;
        is_begun.then(|| self.updates.pop_front()).flatten()
    }

    /// Where the oldest update begins.
    pub fn first_counter(&self) -> Option<i32> {
        self.updates.front().map(|waiting| waiting.counter_start)
    }

    /// Puts before all others what the server once had and has lost.
    pub fn push_front(&mut self, update: Waiting) {
        debug_assert_eq!(self.sent, 0, "only right after a join");
        self.updates.push_front(update);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Message, decode};

    #[test]
    fn what_waits_is_sent_once_and_acknowledged_together() {
        let mut outbox = filled(5);
        let batches = batches(&outbox.send("room", usize::MAX).unwrap());
        assert_eq!(batches.len(), 1);
        assert!(outbox.send("room", usize::MAX).unwrap().is_empty());
        assert_eq!(ends(outbox.acknowledge(batches[0])), [1, 2, 3, 4, 5]);
        assert!(outbox.is_empty());
    }

    #[test]
    fn an_ack_stands_for_what_was_sent_before_it() {
        let mut outbox = filled(2);
        outbox.send("room", usize::MAX).unwrap();
        outbox.push(waiting(2));
        let second = batches(&outbox.send("room", usize::MAX).unwrap());
        outbox.push(waiting(3));
        assert_eq!(ends(outbox.acknowledge(second[0])), [1, 2, 3]);
        assert!(outbox.has_unsent());
        assert_eq!(outbox.len(), 1);
    }

    #[test]
    fn a_rejoin_sends_again_what_is_not_durable() {
        let mut outbox = filled(4);
        let old = batches(&outbox.send("room", usize::MAX).unwrap());
        assert_eq!(ends(outbox.rejoin(2)), [1, 2]);
        assert_eq!(outbox.first_counter(), Some(2));
        assert!(outbox.has_unsent());
        let new = batches(&outbox.send("room", usize::MAX).unwrap());
        assert_eq!(ends(outbox.acknowledge(old[0])), [0; 0], "a late ack");
        assert_eq!(ends(outbox.acknowledge(new[0])), [3, 4]);
    }

    #[test]
    fn what_is_durable_in_part_is_taken_out_to_be_cut() {
        let mut outbox = Outbox::default();
        outbox.push(Waiting {
            counter_end: 4,
            ..waiting(0)
        });
        outbox.push(waiting(4));
        assert_eq!(ends(outbox.rejoin(0)), [0; 0]);
        assert!(outbox.take_begun(0).is_none(), "nothing of it is durable");
        assert_eq!(ends(outbox.rejoin(3)), [0; 0]);
        let begun = outbox.take_begun(3).expect("three of four");
        assert_eq!((begun.counter_start, begun.counter_end), (0, 4));
        assert!(outbox.take_begun(3).is_none());
        assert_eq!(outbox.first_counter(), Some(4));
    }

    fn filled(count: i32) -> Outbox {
        let mut outbox = Outbox::default();
        (0..count).for_each(|start| outbox.push(waiting(start)));
        outbox
    }

    fn waiting(counter_start: i32) -> Waiting {
        Waiting {
            update: Bytes::from_static(b"update"),
            counter_start,
            counter_end: counter_start + 1,
            made_at: Instant::now(),
        }
    }

    fn batches(frames: &[Bytes]) -> Vec<BatchId> {
        let batch = |frame: &Bytes| match decode(frame.clone()).unwrap().message {
            Message::DocUpdate { batch, .. } => batch,
            other => panic!("{other:?}"),
        };
        frames.iter().map(batch).collect()
    }

    fn ends(updates: impl Iterator<Item = Waiting>) -> Vec<i32> {
        updates.map(|waiting| waiting.counter_end).collect()
    }
}
