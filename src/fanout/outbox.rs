//! What waits to be written to one connection. Bounded: when document updates would exceed the
//! bound they are not kept; the room is marked as behind, and when the rest has been written the
//! reader is brought up to date from its version.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::document::trial::DocKey;
use crate::metrics::{Counter, Gauge, Metric};
use crate::protocol::PONG;

/// Answers that may wait before the client must take some: then it is not read.
const ANSWERS_BYTES: usize = 64 * 1024;

static DISCARDED: Counter = Counter::new(
    "quire_outbox_discards_total",
    "Times a slow reader's updates were discarded, to be caught up from its version.",
);

static WAITING: Gauge = Gauge::new(
    "quire_outbox_bytes",
    "Bytes that wait in the outboxes of all connections. Encodings that several share are counted once for each.",
);

pub(super) static METRICS: &[&dyn Metric] = &[&DISCARDED, &WAITING];

/// Keys of presence that may wait.
const PRESENCE: usize = 4_096;

/// Why a connection is closed by the server: a close code and its reason, see PROTOCOL.md.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    pub code: u16,
    pub reason: String,
}

/// What the writer does next.
#[derive(Debug)]
pub enum Next {
    /// Write these, in this order.
    Frames(Vec<Bytes>),
    /// Write this text message.
    Text(&'static str),
    /// Answer a ping of the transport.
    Pong(Bytes),
    /// Everything was written, and these rooms have more than was kept: ask them to catch up.
    CatchUp(Vec<DocKey>),
    /// Write a close frame and end.
    Close(Close),
}

/// The handle that rooms, presence and the connection's own answers share.
#[derive(Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
}

struct Shared {
    limit_bytes: usize,
    queue: Mutex<Queue>,
    wake: Notify,
    written: Notify,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Bytes>,
    bytes: usize,
    /// How many of them were taken to be written, and may not be yet.
    writing: usize,
    /// Bytes of answers to the client's own requests, and of these those that are being written.
    answers: usize,
    answers_writing: usize,
    /// The newest presence of each key in each room; an older one is overwritten.
    presence: BTreeMap<(DocKey, String), Bytes>,
    /// A ping or a pong; one is as good as several.
    text: Option<&'static str>,
    /// The answer to the newest ping of the transport.
    pong: Option<Bytes>,
    behind: Vec<DocKey>,
    close: Option<Close>,
}

impl Outbox {
    /// `limit_bytes` bounds the document updates that wait. Answers to the client's own requests are
    /// always kept: whoever reads the requests waits for [`Self::has_room`], so that no more wait than
    /// those to what is under way.
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                limit_bytes,
                queue: Mutex::default(),
                wake: Notify::new(),
                written: Notify::new(),
            }),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.shared
            .queue
            .lock()
            .expect("no code panics while it holds the outbox")
    }

    /// An answer to the client's own request. Always kept.
    pub fn answer(&self, frame: Bytes) {
        let mut queue = self.queue();
        queue.hold(frame.len());
        queue.answers += frame.len();
        queue.frames.push_back(frame);
        drop(queue);
        self.shared.wake.notify_one();
    }

    /// Waits while the client has not taken its answers: it must not ask for more. Cancel-safe.
    pub async fn has_room(&self) {
        loop {
            let written = self.shared.written.notified();
            if self.queue().answers <= ANSWERS_BYTES {
                return;
            }
            written.await;
        }
    }

    /// An update of a document. Answers false when it was not kept because the bound is reached;
    /// then the room is remembered as behind, and must not push again before it was asked to catch
    /// up.
    #[must_use]
    pub fn update(&self, room: &DocKey, frames: &[Bytes]) -> bool {
        let size: usize = frames.iter().map(Bytes::len).sum();
        let mut queue = self.queue();
        // An empty outbox takes anything: a single update may be larger than the bound.
        let fits = queue.bytes == 0 || queue.bytes + size <= self.shared.limit_bytes;
        if fits {
            queue.hold(size);
            queue.frames.extend(frames.iter().cloned());
        } else {
            DISCARDED.increment();
            queue.behind.push(*room);
        }
        drop(queue);
        self.shared.wake.notify_one();
        fits
    }

    /// There is more of a room than it was just given: it is asked to catch up when this is written.
    pub fn more(&self, room: &DocKey) {
        self.queue().behind.push(*room);
        self.shared.wake.notify_one();
    }

    /// The newest presence of one key of a room.
    pub fn presence(&self, room: DocKey, key: &str, frame: Bytes) {
        let mut queue = self.queue();
        let place = (room, key.to_owned());
        // Whoever is slower than that sees some of them when they say so again.
        if queue.presence.len() < PRESENCE || queue.presence.contains_key(&place) {
            queue.presence.insert(place, frame);
        }
        drop(queue);
        self.shared.wake.notify_one();
    }

    /// A text message of the protocol: a ping or a pong.
    pub fn text(&self, text: &'static str) {
        let mut queue = self.queue();
        // The client waits for a pong; a ping can be asked another time.
        if queue.text != Some(PONG) {
            queue.text = Some(text);
        }
        drop(queue);
        self.shared.wake.notify_one();
    }

    /// The answer to a ping of the transport; one to an older ping is overwritten.
    pub fn pong(&self, payload: Bytes) {
        self.queue().pong = Some(payload);
        self.shared.wake.notify_one();
    }

    /// Ends the connection once what waits was written. The first reason stands.
    pub fn close(&self, code: u16, reason: impl Into<String>) {
        self.queue().close.get_or_insert(Close {
            code,
            reason: reason.into(),
        });
        self.shared.wake.notify_one();
    }

    /// Waits for something to do. Cancel-safe: nothing is taken before it is returned.
    pub async fn next(&self) -> Next {
        loop {
            let woken = self.shared.wake.notified();
            if let Some(next) = self.queue().take() {
                return next;
            }
            woken.await;
        }
    }

    /// What [`Self::next`] gave to write is written; until then it counts as waiting.
    pub fn written(&self) {
        let mut queue = self.queue();
        let bytes = std::mem::take(&mut queue.writing);
        queue.release(bytes);
        queue.answers -= std::mem::take(&mut queue.answers_writing);
        drop(queue);
        self.shared.written.notify_one();
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.queue().bytes
    }
}

impl Queue {
    fn hold(&mut self, bytes: usize) {
        self.bytes += bytes;
        WAITING.add(bytes as i64);
    }

    fn release(&mut self, bytes: usize) {
        WAITING.add(-(bytes as i64));
        self.bytes -= bytes;
    }

    fn take(&mut self) -> Option<Next> {
        if !self.frames.is_empty() || !self.presence.is_empty() {
            let mut frames = Vec::with_capacity(self.frames.len() + self.presence.len());
            frames.extend(self.frames.drain(..));
            frames.extend(std::mem::take(&mut self.presence).into_values());
            self.writing = self.bytes;
            self.answers_writing = self.answers;
            return Some(Next::Frames(frames));
        }
        if let Some(text) = self.text.take() {
            return Some(Next::Text(text));
        }
        if let Some(payload) = self.pong.take() {
            return Some(Next::Pong(payload));
        }
        if let Some(close) = self.close.clone() {
            return Some(Next::Close(close));
        }
        if !self.behind.is_empty() {
            return Some(Next::CatchUp(std::mem::take(&mut self.behind)));
        }
        None
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.release(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn room() -> DocKey {
        DocKey {
            org_id: Uuid::nil(),
            document_id: Uuid::from_u128(1),
        }
    }

    #[tokio::test]
    async fn a_full_outbox_keeps_its_bound_and_says_who_is_behind_when_it_is_empty() {
        let outbox = Outbox::new(100);
        let update = [Bytes::from(vec![0; 60])];
        assert!(outbox.update(&room(), &update));
        assert!(!outbox.update(&room(), &update));
        assert_eq!(outbox.bytes(), 60);
        let Next::Frames(frames) = outbox.next().await else {
            panic!("the kept frame comes first");
        };
        assert_eq!(frames.len(), 1);
        assert_eq!(outbox.bytes(), 60, "it is not written yet");
        outbox.written();
        assert_eq!(outbox.bytes(), 0);
        let Next::CatchUp(rooms) = outbox.next().await else {
            panic!("then the room that is behind");
        };
        assert_eq!(rooms, [room()]);
    }

    #[tokio::test]
    async fn whoever_does_not_take_its_answers_is_not_read() {
        let outbox = Outbox::new(100);
        outbox.answer(Bytes::from(vec![0; ANSWERS_BYTES]));
        outbox.has_room().await;
        outbox.answer(Bytes::from(vec![0; 1]));
        let mut room = std::pin::pin!(outbox.has_room());
        assert!(futures_util::poll!(room.as_mut()).is_pending());
        assert!(matches!(outbox.next().await, Next::Frames(_)));
        assert!(
            futures_util::poll!(room.as_mut()).is_pending(),
            "not written"
        );
        outbox.written();
        room.await;
    }

    #[tokio::test]
    async fn presence_is_overwritten_and_a_close_comes_last() {
        let outbox = Outbox::new(100);
        outbox.close(4001, "drain");
        outbox.presence(room(), "7", Bytes::from_static(b"old"));
        outbox.presence(room(), "7", Bytes::from_static(b"new"));
        let Next::Frames(frames) = outbox.next().await else {
            panic!("presence comes first");
        };
        assert_eq!(frames, [Bytes::from_static(b"new")]);
        assert!(matches!(outbox.next().await, Next::Close(close) if close.code == 4001));
    }
}
