//! How much may be under way: updates that were received and are not answered yet. Whoever has none
//! of it left waits, and with it its sender.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::fair::Shares;

/// One organisation may have this part of it.
const SHARE: usize = 4;
/// What an update costs besides its bytes.
const UPDATE_COST: usize = 256;

/// Bytes of updates that may be under way on this server.
pub struct Budget {
    bytes: usize,
    all: Arc<Semaphore>,
    shares: Shares,
}

/// Room for some updates, until they are answered.
pub struct Permit {
    _of_connection: Option<OwnedSemaphorePermit>,
    _share: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Budget {
    /// Of so many bytes.
    pub(super) fn of(bytes: usize) -> Self {
        Self {
            bytes,
            all: Arc::new(Semaphore::new(bytes)),
            shares: Shares::of(bytes / SHARE),
        }
    }

    /// Waits until there is room for these updates: first in what their connection may have, then
    /// in their organisation's share, so that neither can take the room of all.
    pub async fn take<U: AsRef<[u8]>>(
        &self,
        connection: Option<(&Arc<Semaphore>, usize)>,
        org_id: Uuid,
        updates: &[U],
    ) -> Permit {
        let cost: usize = updates.iter().map(|u| u.as_ref().len() + UPDATE_COST).sum();
        let of_connection = match connection {
            Some((semaphore, bytes)) => Some(acquire(semaphore, cost.min(bytes)).await),
            None => None,
        };
        Permit {
            _of_connection: of_connection,
            _share: self.shares.take(org_id, cost).await,
            _all: acquire(&self.all, cost.min(self.bytes)).await,
        }
    }
}

async fn acquire(semaphore: &Arc<Semaphore>, cost: usize) -> OwnedSemaphorePermit {
    semaphore
        .clone()
        .acquire_many_owned(u32::try_from(cost).unwrap_or(u32::MAX))
        .await
        .expect("the semaphore is never closed")
}
