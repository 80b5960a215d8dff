//! Requests to cancel a statement. The client's key is Postgres's own, so any server can pass a request
//! on, and Postgres does nothing on a forged one; what the port itself computes is stopped here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

/// The sessions that run here, by process and secret.
#[derive(Default)]
pub(super) struct Keys {
    sessions: Mutex<HashMap<Bytes, Arc<Notify>>>,
}

/// A session that can be cancelled, as long as the value lives.
pub(super) struct Registered {
    keys: Arc<Keys>,
    key: Bytes,
}

impl Keys {
    fn sessions(&self) -> MutexGuard<'_, HashMap<Bytes, Arc<Notify>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Postgres gave this key to a session.
    pub fn register(self: &Arc<Self>, key: &[u8], cancelled: Arc<Notify>) -> Registered {
        let key = Bytes::copy_from_slice(key);
        self.sessions().insert(key.clone(), cancelled);
        Registered {
            keys: self.clone(),
            key,
        }
    }

    /// Stops what the port computes for the session with this key, if there is one.
    pub fn cancel(&self, key: &[u8]) {
        if let Some(cancelled) = self.sessions().get(key) {
            cancelled.notify_waiters();
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.keys.sessions().remove(&self.key);
    }
}
