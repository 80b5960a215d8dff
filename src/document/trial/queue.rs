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
    /// Documents whose durable updates did not fit; they are forgotten first.
    stale: HashSet<DocKey>,
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
        self.waiting().commands.push_back(command);
        self.wake.notify_one();
    }

    pub fn push_committed(&self, doc: DocKey, update: Bytes) {
        let mut waiting = self.waiting();
        if waiting.committed_bytes + update.len() > COMMITTED_BYTES {
            waiting.stale.insert(doc);
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
        let mut commands = std::mem::take(&mut waiting.commands);
        for doc in waiting.stale.drain() {
            // First, so that nothing after it is tried on a copy that lacks something.
            commands.push_front(Command::Forget { doc });
        }
        commands
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting
            .lock()
            .expect("no code under this lock can panic")
    }
}
