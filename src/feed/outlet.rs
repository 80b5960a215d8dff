//! The bounded way from the feed's task to its consumer: some steps and some bytes ahead.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::Step;
use super::ring::bytes;
use crate::traces;

/// Steps that may wait, however small.
const AHEAD_STEPS: usize = 256;

/// The consumer is gone.
#[derive(Debug)]
pub(super) struct Closed;

/// The sending end.
#[derive(Debug)]
pub(super) struct Outlet {
    sender: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
    limit: u32,
}

/// A step that waits; its bytes are free again when it is taken.
#[derive(Debug)]
pub(super) struct Waiting {
    pub step: Step,
    /// When it was read from the log, while traces are on.
    pub read_at: Option<Instant>,
    _room: Option<OwnedSemaphorePermit>,
}

/// Both ends; at most about `ahead_bytes` wait between them, or one larger step.
pub(super) fn outlet(ahead_bytes: usize) -> (Outlet, mpsc::Receiver<Waiting>) {
    let limit = ahead_bytes.clamp(1, Semaphore::MAX_PERMITS >> 4);
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let (sender, receiver) = mpsc::channel(AHEAD_STEPS);
    let room = Arc::new(Semaphore::new(limit as usize));
    let outlet = Outlet {
        sender,
        room,
        limit,
    };
    (outlet, receiver)
}

impl Outlet {
    /// Hands a step over; waits while too much is waiting already.
    pub async fn send(&self, step: Step) -> Result<(), Closed> {
        let read_at = traces::now();
        let bytes = match &step {
            Step::Transaction(transaction) => bytes(transaction),
            Step::Connected { .. } | Step::Settled { .. } | Step::Lost { .. } => 0,
        };
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.limit);
        let acquired = match bytes {
            0 => None,
            // The semaphore is never closed; an error would mean the same as a closed channel.
            _ => Some(
                self.room
                    .clone()
                    .acquire_many_owned(bytes)
                    .await
                    .map_err(|_| Closed)?,
            ),
        };
        let waiting = Waiting {
            step,
            read_at,
            _room: acquired,
        };
        self.sender.send(waiting).await.map_err(|_| Closed)
    }

    /// Waits until the consumer is gone.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }
}
