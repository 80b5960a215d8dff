//! What waits for the driver: bounded in bytes, for each document in the order in which it was put.
//! Organisations take turns.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};

use super::{DocKey, Verdict};
use crate::fair::{FairQueue, Shares};

/// Updates and snapshots of one organisation that are on their way and not answered.
const ROOM_BYTES: usize = 32 << 20;
/// What a small update counts for.
const ROOM_UNIT: usize = 1024;
/// Durable updates that wait; then their documents' staging copies are forgotten.
const COMMITTED_BYTES: usize = 16 << 20;

/// One thing for the child to do.
#[derive(Debug)]
pub enum Command {
    Submit {
        doc: DocKey,
        update: Bytes,
        answer: oneshot::Sender<Verdict>,
        room: OwnedSemaphorePermit,
    },
    Seed {
        doc: DocKey,
        snapshot: Bytes,
        answer: oneshot::Sender<Verdict>,
        room: OwnedSemaphorePermit,
    },
    Committed {
        doc: DocKey,
        update: Bytes,
    },
    Forget {
        doc: DocKey,
    },
}

/// The queue between the handles and the driver.
#[derive(Debug)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    wake: Notify,
    room: Shares,
}

#[derive(Debug, Default)]
struct Waiting {
    commands: FairQueue<Command>,
    committed_bytes: usize,
    /// Documents that are forgotten in here, because a durable update did not fit, and not seeded
    /// since: what else of theirs does not fit changes nothing.
    forgotten: HashSet<DocKey>,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            wake: Notify::new(),
            room: Shares::of(ROOM_BYTES / ROOM_UNIT),
        }
    }
}

impl Queue {
    /// Waits until `bytes` more of the document's organisation may be on their way.
    pub async fn room_for(&self, doc: DocKey, bytes: usize) -> OwnedSemaphorePermit {
        self.room.take(doc.org_id, bytes.div_ceil(ROOM_UNIT)).await
    }

    pub fn push(&self, command: Command) {
        let mut waiting = self.waiting();
        if let Command::Seed { doc, .. } = &command {
            waiting.forgotten.remove(doc);
        }
        waiting.commands.push(command.doc().org_id, command);
        drop(waiting);
        self.wake.notify_one();
    }

    pub fn push_committed(&self, doc: DocKey, update: Bytes) {
        let mut waiting = self.waiting();
        if waiting.committed_bytes + update.len() > COMMITTED_BYTES {
            // In its place: nothing after it may be tried on a copy that lacks the update.
            if waiting.forgotten.insert(doc) {
                waiting.commands.push(doc.org_id, Command::Forget { doc });
            }
        } else {
            waiting.committed_bytes += committed_bytes(&update);
            let committed = Command::Committed { doc, update };
            waiting.commands.push(doc.org_id, committed);
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// Waits until there may be something to take. Cancel-safe.
    pub async fn wait(&self) {
        self.wake.notified().await;
    }

    /// Takes what is next.
    pub fn take(&self) -> Option<Command> {
        let mut waiting = self.waiting();
        let command = waiting.commands.pop()?;
        match &command {
            Command::Committed { update, .. } => {
                waiting.committed_bytes -= committed_bytes(update);
            }
            Command::Forget { doc } => {
                waiting.forgotten.remove(doc);
            }
            _ => {}
        }
        Some(command)
    }

    /// Drops everything that waits.
    pub fn clear(&self) {
        *self.waiting() = Waiting::default();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting
            .lock()
            .expect("no code under this lock can panic")
    }
}

impl Command {
    fn doc(&self) -> DocKey {
        match self {
            Self::Submit { doc, .. }
            | Self::Seed { doc, .. }
            | Self::Committed { doc, .. }
            | Self::Forget { doc } => *doc,
        }
    }
}

fn committed_bytes(update: &Bytes) -> usize {
    update.len() + ROOM_UNIT / 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[tokio::test]
    async fn a_copy_seeded_before_an_update_that_did_not_fit_is_forgotten() {
        let queue = Queue::default();
        let doc = DocKey {
            org_id: Uuid::nil(),
            document_id: Uuid::nil(),
        };
        let seed = async || Command::Seed {
            doc,
            snapshot: Bytes::new(),
            answer: oneshot::channel().0,
            room: queue.room_for(doc, 0).await,
        };
        let too_much = Bytes::from(vec![0; COMMITTED_BYTES + 1]);
        for _ in 0..2 {
            queue.push(seed().await);
            queue.push_committed(doc, too_much.clone());
            queue.push_committed(doc, too_much.clone());
        }
        let order: Vec<&str> = std::iter::from_fn(|| queue.take())
            .map(|command| match command {
                Command::Seed { .. } => "seed",
                Command::Forget { .. } => "forget",
                _ => "something else",
            })
            .collect();
        assert_eq!(order, ["seed", "forget", "seed", "forget"]);
    }
}
