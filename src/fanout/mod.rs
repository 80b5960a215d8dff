//! From the feed to the rooms, and from the rooms to their readers. A room is an open document; it
//! exists while somebody holds it, and a while longer as the memory budget allows.

mod budget;
mod compare;
mod handle;
pub mod outbox;
mod readers;
mod room;
mod submit;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

pub use self::budget::{Budget, Permit};
pub use self::compare::{Answer, Digest};
pub use self::handle::Room;
pub use self::readers::{Leases, ReaderId};
pub use self::room::Join;
pub use self::submit::{Respondent, Submission};
use crate::auth::Session;
use crate::change::{Change, Event, EventKind, Transaction};
use crate::commit::Commit;
use crate::commit::lease::Lease;
use crate::document::trial::{DocKey, Trial};
use crate::error::{Error, Kind, Result};
use crate::feed;
use crate::metrics::{self, Gauge, Metric};
use crate::postgres::Pool;
use crate::protocol::AckStatus;
use crate::traces::{self, Place, Way};
use room::Message;

static OPEN: Gauge = Gauge::new("quire_documents_open", "Documents in memory.");
static OPEN_BYTES: Gauge = Gauge::new(
    "quire_documents_bytes",
    "Memory of open documents in bytes, estimated.",
);
static METRICS: &[&dyn Metric] = &[&OPEN, &OPEN_BYTES];

/// What every room needs.
struct Shared {
    pool: Pool,
    commit: Commit,
    trial: Trial,
    feed: feed::Handle,
    /// Of the cluster that the feed reads; 0 before the first connection.
    system_identifier: AtomicU64,
    /// Changes of authority applied so far.
    authority: AtomicU64,
    budget: Budget,
    rooms: Mutex<HashMap<DocKey, Arc<Room>>>,
    tasks: TaskTracker,
}

/// All open documents of this server. Cheap to clone.
#[derive(Clone)]
pub struct Fanout {
    shared: Arc<Shared>,
}

impl Fanout {
    /// No document is open yet. Updates of `commit_bytes` may be under way.
    pub fn new(
        pool: Pool,
        commit: Commit,
        trial: Trial,
        feed: feed::Handle,
        commit_bytes: usize,
    ) -> Self {
        metrics::register(METRICS);
        metrics::register(room::METRICS);
        metrics::register(submit::METRICS);
        metrics::register(outbox::METRICS);
        metrics::register(crate::document::load::METRICS);
        Self {
            shared: Arc::new(Shared {
                pool,
                commit,
                trial,
                feed,
                system_identifier: AtomicU64::new(0),
                authority: AtomicU64::new(0),
                budget: Budget::of(commit_bytes),
                rooms: Mutex::default(),
                tasks: TaskTracker::new(),
            }),
        }
    }

    /// The room of a document, opened if it is not. Joining it says whether the document is there.
    pub fn room(&self, key: DocKey) -> Arc<Room> {
        let mut rooms = self.shared.rooms();
        if let Some(room) = rooms.get(&key) {
            room.touch();
            return room.clone();
        }
        // In the map before anything is read: from here on the feed's changes queue up.
        let (messages, received) = mpsc::channel(room::WAITING);
        let (submissions, submitted) = mpsc::channel(submit::WAITING);
        let room = Arc::new(Room::new(key, messages.clone(), submissions));
        rooms.insert(key, room.clone());
        drop(rooms);
        let shared = &self.shared;
        shared.tasks.spawn(room::run(
            shared.clone(),
            Arc::downgrade(&room),
            key,
            received,
            // Whoever wants in first has it opened.
            traces::current(),
        ));
        shared.tasks.spawn(submit::run(
            shared.clone(),
            key,
            messages.downgrade(),
            submitted,
        ));
        room
    }

    /// What may be under way.
    pub fn budget(&self) -> &Budget {
        &self.shared.budget
    }

    /// Takes one update the way of all others, and says what became of it.
    ///
    /// # Errors
    /// `Unavailable` when the room is closing.
    pub async fn submit(
        &self,
        key: DocKey,
        session: Arc<Session>,
        lease: Lease,
        update: Bytes,
    ) -> Result<AckStatus> {
        let way = Way::begun();
        let updates = vec![update];
        let permit = self.budget().take(None, key.org_id, &updates).await;
        let leases = Leases::default();
        leases.add(lease);
        let (told, answer) = oneshot::channel();
        let submission = Submission {
            session,
            leases,
            respondent: Respondent::Request(told),
            updates,
            permit,
            way,
        };
        self.room(key).submit(submission).await?;
        answer
            .await
            .map_err(|_| Error::new(Kind::Unavailable, "the room is closing"))
    }

    /// Gives a transaction to the rooms that it concerns. Waits while one of them is full. What the rooms do
    /// with it stands below `place`.
    pub async fn deliver(&self, transaction: &Arc<Transaction>, place: Option<Place>) {
        let mut places: HashMap<DocKey, Vec<u32>> = HashMap::new();
        for (place, change) in (0..).zip(&transaction.changes) {
            match change {
                Change::Edit(edit) => {
                    let key = DocKey {
                        org_id: edit.org_id,
                        document_id: edit.document_id,
                    };
                    places.entry(key).or_default().push(place);
                }
                Change::Event(event) => self.event(event).await,
                Change::Message(_) => {}
            }
        }
        for (key, places) in places {
            let Some(messages) = self.shared.open(&key) else {
                continue;
            };
            let message = Message::Changes {
                transaction: transaction.clone(),
                places: places.into(),
                place,
            };
            // A room that closed meanwhile has nobody to show it to.
            let _ = messages.send(message).await;
        }
    }

    async fn event(&self, event: &Event) {
        let of_account = || Message::Authority(event.account_id);
        match (event.kind, event.org_id, event.document_id) {
            (EventKind::MemberChanged | EventKind::GrantChanged, Some(org_id), document_id) => {
                self.authority_changed();
                let is_meant = |key: &DocKey| {
                    key.org_id == org_id && document_id.is_none_or(|id| id == key.document_id)
                };
                self.tell(of_account, is_meant).await;
            }
            (EventKind::OrganisationPlaced, Some(org_id), _) => {
                self.authority_changed();
                let moved_to = event.placed.as_ref().and_then(|placed| placed.moved_to());
                if let Some(says) = moved_to {
                    // The code first, as in all room errors of this kind.
                    let says: Arc<str> = format!("moved: {says}").into();
                    self.tell(|| Message::Moved(says.clone()), |key| key.org_id == org_id)
                        .await;
                }
            }
            (EventKind::DocumentDeleted, Some(org_id), Some(document_id)) => {
                self.authority_changed();
                let of = DocKey {
                    org_id,
                    document_id,
                };
                self.tell(|| Message::Deleted, |key| *key == of).await;
            }
            _ => {}
        }
    }

    /// A new slot streams: what was committed while none did stands in the tables. With
    /// `log_changed` the tables may also have lost something.
    pub async fn connected(&self, system_identifier: u64, log_changed: bool) {
        self.shared
            .system_identifier
            .store(system_identifier, Ordering::Relaxed);
        let message = || match log_changed {
            true => Message::Rebuild,
            false => Message::ReadAgain,
        };
        self.tell(message, |_| true).await;
    }

    /// What was committed but invisible when the slot was made is visible now.
    pub async fn settled(&self) {
        self.tell(|| Message::ReadAgain, |_| true).await;
    }

    /// Counts the changes of authority that this server has applied. Whoever asks what is allowed,
    /// joins, and then finds another number, must ask again: the change may have come in between.
    pub fn authority(&self) -> u64 {
        self.shared.authority.load(Ordering::SeqCst)
    }

    /// Changes of authority may have been missed: every room asks the database who may still read.
    pub async fn recheck(&self) {
        self.authority_changed();
        self.tell(|| Message::Recheck, |_| true).await;
    }

    /// Counted before any room is told: who joins later than that finds the new number.
    fn authority_changed(&self) {
        self.shared.authority.fetch_add(1, Ordering::SeqCst);
    }

    async fn tell(&self, message: impl Fn() -> Message, whom: impl Fn(&DocKey) -> bool) {
        let rooms: Vec<_> = self
            .shared
            .rooms()
            .values()
            .filter(|room| whom(&room.key))
            .map(|room| room.messages.downgrade())
            .collect();
        for room in rooms {
            if let Some(room) = room.upgrade() {
                // A room that closed meanwhile has nobody to tell.
                let _ = room.send(message()).await;
            }
        }
    }

    /// Closes what nobody holds: the longest unused first while all take more than `budget_bytes`,
    /// and whatever was not used since `oldest`.
    pub fn unload(&self, budget_bytes: usize, oldest: Instant) {
        let mut rooms = self.shared.rooms();
        let mut total: usize = rooms.values().map(|room| room.bytes()).sum();
        let mut idle: Vec<(Instant, DocKey, usize)> = rooms
            .values()
            // Only the map holds it, and whoever wants it must come through the map's lock.
            .filter(|room| Arc::strong_count(room) == 1)
            .map(|room| (room.used(), room.key, room.bytes()))
            .collect();
        idle.sort_by_key(|(used, ..)| *used);
        for (used, key, bytes) in idle {
            if total <= budget_bytes && used > oldest {
                break;
            }
            rooms.remove(&key);
            total -= bytes;
        }
        OPEN.set(rooms.len() as i64);
        OPEN_BYTES.set(total as i64);
    }

    /// How many documents are open, and what memory they take, in bytes, estimated.
    pub fn open_documents(&self) -> (usize, usize) {
        let rooms = self.shared.rooms();
        (rooms.len(), rooms.values().map(|room| room.bytes()).sum())
    }

    /// Closes all rooms and waits until what they had under way is done. Nobody may hold a room.
    pub async fn finish(self) {
        self.shared.rooms().clear();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Shared {
    fn rooms(&self) -> MutexGuard<'_, HashMap<DocKey, Arc<Room>>> {
        self.rooms
            .lock()
            .expect("no code panics while it holds the rooms")
    }

    fn open(&self, key: &DocKey) -> Option<mpsc::Sender<Message>> {
        self.rooms().get(key).map(|room| room.messages.clone())
    }

    fn system_identifier(&self) -> u64 {
        self.system_identifier.load(Ordering::Relaxed)
    }

    /// Takes a room that could not be opened out of the map, unless another stands there by now.
    fn close_room(&self, key: &DocKey, room: &Weak<Room>) {
        let mut rooms = self.rooms();
        if rooms
            .get(key)
            .is_some_and(|held| Weak::as_ptr(room) == Arc::as_ptr(held))
        {
            rooms.remove(key);
        }
    }

    /// Work that a room does not wait for, but the server's end does.
    fn background(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }
}
