//! What waits for the driver: bounded in bytes, in the order in which it was put.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use super::{DocKey, Verdict};

/// Updates and snapshots that are on their way and not answered.
const ROOM_BYTES: usize = 64 << 20;
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
    room: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Waiting {
    commands: VecDeque<Command>,
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
            room: Arc::new(Semaphore::new(ROOM_BYTES / ROOM_UNIT)),
        }
    }
}

impl Queue {
    /// Waits until `bytes` more may be on their way. First come, first served.
    pub async fn room_for(&self, bytes: usize) -> OwnedSemaphorePermit {
        let units = bytes.div_ceil(ROOM_UNIT).clamp(1, ROOM_BYTES / ROOM_UNIT);
        let units = u32::try_from(units).expect("clamped");
        let room = self.room.clone().acquire_many_owned(units);
        room.await.expect("the semaphore is never closed")
    }

    pub fn push(&self, command: Command) {
        let mut waiting = self.waiting();
        if let Command::Seed { doc, .. } = &command {
            waiting.forgotten.remove(doc);
        }
        waiting.commands.push_back(command);
        drop(waiting);
        self.wake.notify_one();
    }

    pub fn push_committed(&self, doc: DocKey, update: Bytes) {
        let mut waiting = self.waiting();
        if waiting.committed_bytes + update.len() > COMMITTED_BYTES {
            // In its place: nothing after it may be tried on a copy that lacks the update.
            if waiting.forgotten.insert(doc) {
                waiting.commands.push_back(Command::Forget { doc });
            }
        } else {
            waiting.committed_bytes += update.len() + ROOM_UNIT / 8;
            waiting
                .commands
                .push_back(Command::Committed { doc, update });
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// Waits until there may be something to take. Cancel-safe.
    pub async fn wait(&self) {
        self.wake.notified().await;
    }

    /// Takes everything that waits, in order.
    pub fn take(&self) -> VecDeque<Command> {
        let mut waiting = self.waiting();
        waiting.committed_bytes = 0;
        waiting.forgotten.clear();
        std::mem::take(&mut waiting.commands)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting
            .lock()
            .expect("no code under this lock can panic")
    }
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
            room: queue.room_for(0).await,
        };
        let too_much = Bytes::from(vec![0; COMMITTED_BYTES + 1]);
        for _ in 0..2 {
            queue.push(seed().await);
            queue.push_committed(doc, too_much.clone());
            queue.push_committed(doc, too_much.clone());
        }
        let order: Vec<&str> = queue
            .take()
            .iter()
            .map(|command| match command {
                Command::Seed { .. } => "seed",
                Command::Forget { .. } => "forget",
                _ => "something else",
            })
            .collect();
        assert_eq!(order, ["seed", "forget", "seed", "forget"]);
    }
}
