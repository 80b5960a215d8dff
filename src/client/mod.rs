//! A client of the sync protocol, for replays, tests and faults: keeps what is not durable yet and
//! sends it again, to another server when its own is gone. It holds a whole document.

mod address;
mod api;
mod connection;
mod editor;
mod event;
mod outbox;
mod receive;
mod recovery;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use loro::{LoroDoc, LoroValue};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub use address::Address;
pub use api::{Api, SignedIn};
pub use editor::Editor;
pub use event::Event;

use crate::error::{Error, Kind, Result};
use state::State;

/// Updates that may wait for their ack before [`Client::ready`] holds the author back.
pub const DEFAULT_WINDOW: usize = 1000;

/// Whom to talk to, as whom, about what.
pub struct Options {
    /// Servers to try in turn, at least one. Those that an organisation has moved to come before them.
    pub addresses: Vec<Address>,
    /// The session's secret.
    pub token: String,
    /// `{org_id}/{document_id}`.
    pub room: String,
    /// Names this client among those of its account, so that it gets its former peer again.
    pub device: String,
    /// Whether to take part in the room of cursors too.
    pub presence: bool,
    /// Updates that may wait for their ack before [`Client::ready`] holds the author back.
    pub window: usize,
    /// Told of everything that happens, on the client's task: it must be quick, and must not call
    /// the client.
    pub observer: Box<dyn FnMut(Event<'_>) + Send>,
}

impl Options {
    /// A client that nobody watches.
    pub fn new(addresses: Vec<Address>, token: &str, room: &str, device: &str) -> Self {
        Self {
            addresses,
            token: token.to_owned(),
            room: room.to_owned(),
            device: device.to_owned(),
            presence: false,
            window: DEFAULT_WINDOW,
            observer: Box::new(|_| {}),
        }
    }
}

/// A running client. Dropping it cuts its connection, as a crash would; [`Client::close`] says goodbye.
pub struct Client {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What the handle and the task have in common.
struct Shared {
    state: Mutex<State>,
    /// There is something to send, or the client is to stop.
    wake: Notify,
    /// Something arrived or changed.
    changed: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in an observer or in Loro ends that task; the figures are still of use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// Starts to connect. [`Client::joined`] says when it is there.
    pub fn start(options: Options) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(options)),
            wake: Notify::new(),
            changed: Notify::new(),
        });
        let task = tokio::spawn(connection::run(shared.clone()));
        Self { shared, task }
    }

    /// Waits until the document is joined and what the server had at that time is here.
    ///
    /// # Errors
    /// Why it never will be.
    pub async fn joined(&self) -> Result<()> {
        self.wait(|state| state.is_up_to_date()).await
    }

    /// Waits until everything made here is durable.
    ///
    /// # Errors
    /// Why it never will be.
    pub async fn settled(&self) -> Result<()> {
        self.wait(|state| state.outbox.is_empty() && state.again.is_none())
            .await
    }

    /// Waits while as many updates as [`Options::window`] allows are without an ack.
    ///
    /// # Errors
    /// Why that will not change.
    pub async fn ready(&self) -> Result<()> {
        self.wait(|state| state.room_for() > 0).await
    }

    /// How many updates may still be made before [`Client::ready`] waits.
    pub fn room_for(&self) -> usize {
        self.shared.lock().room_for()
    }

    /// Waits until the document is as wanted; asked after every change.
    ///
    /// # Errors
    /// Why no further change will come.
    pub async fn document_is(&self, mut wanted: impl FnMut(&LoroDoc) -> bool) -> Result<()> {
        self.wait(|state| wanted(&state.doc)).await
    }

    /// Works on the document. Each call that changes it makes one update; together they are sent
    /// after `work`.
    ///
    /// # Errors
    /// `Conflict` before the first join: there is no peer to write with. Those of `work`; what was
    /// done before them stays.
    pub fn edit<T>(&self, work: impl FnOnce(&mut Editor<'_>) -> Result<T>) -> Result<T> {
        let mut state = self.shared.lock();
        if state.lease.is_none() {
            return Err(Error::new(Kind::Conflict, "edit before the first join"));
        }
        let result = work(&mut Editor { state: &mut state });
        drop(state);
        self.shared.wake.notify_one();
        result
    }

    /// The plain text of the first paragraph.
    pub fn text(&self) -> String {
        self.shared.lock().text_content()
    }

    /// Looks at the document.
    pub fn read<T>(&self, look: impl FnOnce(&LoroDoc) -> T) -> T {
        look(&self.shared.lock().doc)
    }

    /// The leased peer, once joined.
    pub fn peer(&self) -> Option<u64> {
        self.shared.lock().lease
    }

    /// How many updates are not durable yet.
    pub fn unacknowledged(&self) -> usize {
        self.shared.lock().outbox.len()
    }

    /// Shows others where this client is. Needs [`Options::presence`].
    pub fn show(&self, value: impl Into<LoroValue>) {
        self.shared.lock().show(value.into());
        self.shared.wake.notify_one();
    }

    /// What others show, and the server's entries, by key.
    pub fn shown(&self) -> Vec<(String, LoroValue)> {
        self.shared.lock().shown()
    }

    /// Waits until what is shown is as wanted.
    ///
    /// # Errors
    /// Why no further change will come.
    pub async fn shown_is(
        &self,
        mut wanted: impl FnMut(&[(String, LoroValue)]) -> bool,
    ) -> Result<()> {
        self.wait(|state| wanted(&state.shown())).await
    }

    /// Leaves the room and closes the connection. What is not durable yet is given up.
    pub async fn close(mut self) {
        self.shared.lock().closing = true;
        self.shared.wake.notify_one();
        // A panic of the task was reported by it.
        let _ = (&mut self.task).await;
    }

    async fn wait(&self, mut condition: impl FnMut(&State) -> bool) -> Result<()> {
        let mut changed = std::pin::pin!(self.shared.changed.notified());
        loop {
            // Asks to be woken before it looks.
            changed.as_mut().enable();
            {
                let state = self.shared.lock();
                if condition(&state) {
                    return Ok(());
                }
                state.check()?;
            }
            changed.as_mut().await;
            changed.set(self.shared.changed.notified());
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}
