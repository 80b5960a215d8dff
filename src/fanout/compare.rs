//! What this server says of its copies when servers compare theirs: which version a room held at one
//! position of the log.

use std::sync::atomic::Ordering;

use tokio::sync::mpsc;
use uuid::Uuid;

use super::Fanout;
use super::room::Message;
use crate::change::Lsn;
use crate::document::trial::DocKey;

/// What a version comes down to.
pub type Digest = [u8; 16];

/// The version that a room held where a probe stands in the log.
#[derive(Debug, Clone)]
pub struct Answer {
    pub probe_id: Uuid,
    pub document: DocKey,
    pub digest: Digest,
}

/// Asks a room for its version at `position`; what is handed over before is part of it.
pub(super) struct Question {
    pub probe_id: Uuid,
    pub position: Lsn,
    pub answers: mpsc::Sender<Answer>,
}

impl Fanout {
    /// Asks those of the documents that are open. To be called when everything up to `position` has
    /// been delivered, and nothing after it. A room that cannot tell says nothing.
    pub async fn compare(
        &self,
        probe_id: Uuid,
        position: Lsn,
        documents: &[DocKey],
        answers: &mpsc::Sender<Answer>,
    ) {
        for key in documents {
            let Some(messages) = self.shared.open(key) else {
                continue;
            };
            let question = Question {
                probe_id,
                position,
                answers: answers.clone(),
            };
            // A room that closed meanwhile holds nothing.
            let _ = messages.send(Message::Compare(question)).await;
        }
    }

    /// Open documents that have changed since they were last compared: at most `limit`, those after
    /// `last` first.
    pub fn uncompared(&self, last: Option<DocKey>, limit: usize) -> Vec<DocKey> {
        let rooms = self.shared.rooms();
        let changed = rooms
            .values()
            .filter(|r| r.is_uncompared.load(Ordering::Relaxed));
        let mut keys: Vec<DocKey> = changed.map(|room| room.key).collect();
        drop(rooms);
        keys.sort_unstable();
        let first = last.map_or(0, |last| keys.partition_point(|key| *key <= last));
        keys.rotate_left(first);
        keys.truncate(limit);
        keys
    }

    /// Servers hold different copies of a document: if it is open here, it is built anew from all of
    /// its edits.
    pub async fn rebuild_from_edits(&self, key: DocKey) {
        if let Some(messages) = self.shared.open(&key) {
            // A room that closed meanwhile holds nothing.
            let _ = messages.send(Message::RebuildFromEdits).await;
        }
    }
}
