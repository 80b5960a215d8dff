//! What everybody but its own task has of a room: its name, and the ways to speak to it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::mpsc;
use uuid::Uuid;

use super::readers::ReaderId;
use super::room::{Join, Message};
use super::submit::Submission;
use crate::document::trial::DocKey;
use crate::error::{Error, Kind, Result};

/// A handle on an open document. While it is held, the document stays open.
pub struct Room {
    pub(super) key: DocKey,
    pub(super) messages: mpsc::Sender<Message>,
    submissions: mpsc::Sender<Submission>,
    /// Memory of the document, estimated by its task.
    pub(super) bytes: AtomicUsize,
    /// Whether it has changed since it was compared with other servers' copies.
    pub(super) is_uncompared: AtomicBool,
    used: Mutex<Instant>,
}

impl Room {
    /// A room that nobody has measured.
    pub(super) fn new(
        key: DocKey,
        messages: mpsc::Sender<Message>,
        submissions: mpsc::Sender<Submission>,
    ) -> Self {
        Self {
            key,
            messages,
            submissions,
            bytes: AtomicUsize::new(0),
            is_uncompared: AtomicBool::new(false),
            used: Mutex::new(Instant::now()),
        }
    }

    /// The room's id on the wire.
    pub fn name(key: &DocKey) -> String {
        format!("{}/{}", key.org_id, key.document_id)
    }

    /// The document that a room id names; none if it names none.
    pub fn parse(name: &str) -> Option<DocKey> {
        let (org_id, document_id) = name.split_once('/')?;
        // Only the form that `name` writes: two spellings of one room would be two rooms.
        let parse = |id: &str| Uuid::try_parse(id).ok().filter(|u| u.to_string() == id);
        Some(DocKey {
            org_id: parse(org_id)?,
            document_id: parse(document_id)?,
        })
    }

    /// The document.
    pub fn key(&self) -> DocKey {
        self.key
    }

    /// Wants in; the reader is told through its outbox, the caller by the join's `reply`.
    ///
    /// # Errors
    /// `Unavailable` when the room is closing; ask for it again.
    pub async fn join(&self, join: Join) -> Result<()> {
        self.send(Message::Join(join)).await
    }

    /// Listens no longer.
    pub async fn leave(&self, reader: ReaderId) {
        // A room that is closing has no readers.
        let _ = self.send(Message::Leave(reader)).await;
    }

    /// A reader that was behind has room again.
    pub async fn catch_up(&self, reader: ReaderId) {
        // A room that is closing has no readers.
        let _ = self.send(Message::CatchUp(reader)).await;
    }

    /// Hands over updates; the answer comes through the submission's outbox. Waits while the room
    /// has too many.
    ///
    /// # Errors
    /// `Unavailable` when the room is closing.
    pub async fn submit(&self, submission: Submission) -> Result<()> {
        self.submissions
            .send(submission)
            .await
            .map_err(|_| Error::new(Kind::Unavailable, "the room is closing"))
    }

    async fn send(&self, message: Message) -> Result<()> {
        self.messages
            .send(message)
            .await
            .map_err(|_| Error::new(Kind::Unavailable, "the room is closing"))
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn touch(&self) {
        *self.used.lock().expect("nothing panics while it is held") = Instant::now();
    }

    pub(super) fn used(&self) -> Instant {
        *self.used.lock().expect("nothing panics while it is held")
    }
}
