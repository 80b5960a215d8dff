//! Who is where: coalesced, through the log, without rows. Every server keeps what all of them
//! said, so a joiner sees everybody at once; what a server said is forgotten when it falls silent.

pub(crate) mod entry;
mod facts;
mod fleet;
mod known;
pub(crate) mod message;
mod outgoing;
mod recheck;
mod speaker;
mod state;
mod turn;
mod vitals;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;
use uuid::Uuid;

use self::entry::Said;
use self::facts::{COMMENTS, DOCUMENT, comments, document};
use self::fleet::Stand;
pub use self::fleet::{Condition, Fleet, Standing};
pub use self::known::{KnownServer, Someone};
use self::message::{Entry, Message, Server};
use self::outgoing::News;
use self::state::{Listener, Person, State, frame};
pub use self::turn::turn;
pub use self::vitals::{Silent, Vitals};
use crate::auth::Session;
use crate::change::{Event, EventKind};
use crate::document::trial::DocKey;
use crate::fanout::outbox::Outbox;
use crate::fanout::{Leases, ReaderId};
use crate::metrics::{self, Counter, Gauge, Metric};
use crate::postgres::Pool;

/// A server silent for so long is gone.
const SERVER_SILENCE: Duration = Duration::from_secs(16);
/// For so long the pages of a server that is gone are still taken for Quire's own.
const GONE_LATELY: Duration = Duration::from_secs(600);
/// People who are shown in one document; of more than that the first.
const PEOPLE: usize = 1_000;
/// A person silent for so long is gone; clients repeat themselves every 10 s.
const PERSON_SILENCE: Duration = Duration::from_secs(30);
static IGNORED: Counter = Counter::new(
    "quire_presence_ignored_total",
    "Presence of clients that was let go: unreadable, too large or under another's key.",
);
static SHOWN: Gauge = Gauge::new(
    "quire_presence_entries",
    "People whom this server shows in documents, its own and those of other servers, once a document and cursor.",
);
static METRICS: &[&dyn Metric] = &[&speaker::SENT, &IGNORED, &speaker::FAILED, &SHOWN];

/// Where browsers reach the servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Servers {
    /// Those that live and take clients; this one first, whatever it does.
    pub live: Vec<String>,
    /// Those that take none, or went a while ago: what comes from their pages is still Quire's.
    pub away: Vec<String>,
}

/// The presence of all rooms. Cheap to clone.
#[derive(Clone)]
pub struct Presence {
    shared: Arc<Shared>,
}

struct Shared {
    pool: Pool,
    server_id: Uuid,
    address: String,
    state: Mutex<State>,
    changed: Notify,
}

impl Presence {
    /// Presence of a server that calls itself `server_id` and is reached at `address`.
    pub fn new(pool: Pool, server_id: Uuid, address: String) -> Self {
        metrics::register(METRICS);
        Self {
            shared: Arc::new(Shared {
                pool,
                server_id,
                address,
                state: Mutex::default(),
                changed: Notify::new(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .expect("no code panics while it holds the presence")
    }

    /// A connection listens to a room; it is told at once who is there and what the document is
    /// called.
    pub fn join(
        &self,
        room: DocKey,
        reader: ReaderId,
        account_id: Uuid,
        outbox: Outbox,
        title: &str,
    ) {
        let mut state = self.state();
        let shown = state.shown_by(room, reader).into_iter().next();
        let places = state.rooms.entry(room).or_default();
        let title = document(title);
        let people = places.people.iter().map(|(key, p)| (key.as_str(), &p.data));
        for (key, data) in people.chain([(DOCUMENT, &title)]) {
            if let Some(frame) = frame(&room, data) {
                outbox.presence(room, key, frame);
            }
        }
        places.readers.insert(
            reader,
            Listener {
                account_id,
                outbox,
                shown,
            },
        );
    }

    /// A connection listens no longer, and whom it showed is gone.
    pub fn leave(&self, room: DocKey, reader: ReaderId) {
        let mut state = self.state();
        if let Some(places) = state.rooms.get_mut(&room) {
            places.readers.remove(&reader);
        }
        self.gone(&mut state, room, reader);
    }

    /// Whom a connection showed in a room is gone.
    fn gone(&self, state: &mut State, room: DocKey, reader: ReaderId) {
        for key in state.shown_by(room, reader) {
            self.say(state, room, key, None, reader);
        }
    }

    /// The rights of this account, or of everybody, changed in these rooms: nothing more is told to
    /// and taken from its connections until they join again. What they show stays for a moment,
    /// because most do.
    fn suspend(&self, is_meant: impl Fn(&DocKey) -> bool, account_id: Option<Uuid>) {
        for (room, places) in &mut self.state().rooms {
            if is_meant(room) {
                places
                    .readers
                    .retain(|_, listener| account_id.is_some_and(|id| id != listener.account_id));
            }
        }
    }

    /// What a client says of itself; not taken when it is not in the room. Its key is a peer that it
    /// holds, or, for a client that never asked for one, any that nobody else shows.
    pub fn update(
        &self,
        room: DocKey,
        reader: ReaderId,
        leases: &Leases,
        session: &Session,
        update: &[u8],
    ) -> bool {
        let mut state = self.state();
        let places = state.rooms.get(&room);
        if !places.is_some_and(|places| places.readers.contains_key(&reader)) {
            return false;
        }
        let is_own = |key: &str| match key.parse::<u64>() {
            Ok(peer) if leases.of(peer).is_some() => true,
            Ok(_) => {
                let person = state.rooms.get(&room).and_then(|p| p.people.get(key));
                leases.is_empty() && person.is_none_or(|p| p.reader == Some(reader))
            }
            Err(_) => false,
        };
        match entry::read(update, is_own) {
            Said::Here(key, values) => {
                let Some(places) = state.rooms.get_mut(&room) else {
                    return false;
                };
                let is_new = !places.people.contains_key(&key);
                if is_new && places.people.len() >= PEOPLE {
                    IGNORED.increment();
                    return true;
                }
                let listener = places.readers.get_mut(&reader);
                let before = listener.and_then(|l| l.shown.replace(key.clone()));
                let is_left = |before: &String| {
                    let person = places.people.get(before);
                    *before != key && person.is_some_and(|p| p.reader == Some(reader))
                };
                if let Some(before) = before.filter(is_left) {
                    self.say(&mut state, room, before, None, reader);
                }
                let data = entry::stamp(&key, values, session);
                self.say(&mut state, room, key, Some(data), reader);
            }
            Said::Gone => self.gone(&mut state, room, reader),
            Said::Nothing => IGNORED.increment(),
        }
        true
    }

    /// Notes what the next message says. It is shown when it comes back out of the log, here as
    /// everywhere.
    fn say(
        &self,
        state: &mut State,
        room: DocKey,
        key: String,
        data: Option<Bytes>,
        reader: ReaderId,
    ) {
        let places = state.rooms.entry(room).or_default();
        let is_removal = data.is_none();
        let data = data.unwrap_or_else(|| entry::remove(&key));
        if !is_removal {
            // Known at once, so that nobody else can take the key meanwhile.
            let person = Person {
                server_id: self.shared.server_id,
                reader: Some(reader),
                data: data.clone(),
                heard: Instant::now(),
            };
            places.people.insert(key.clone(), person);
            state.parted.remove(&(room, key.clone()));
        } else {
            state.parted.insert((room, key.clone()), Instant::now());
        }
        state.outgoing.say((room, key), News { data, is_removal });
        self.shared.changed.notify_one();
    }

    /// A message of the log.
    pub fn receive(&self, bytes: &Bytes) {
        let Some(message) = Message::decode(bytes.clone()) else {
            tracing::debug!(
                bytes = bytes.len(),
                "a message of the log that this version cannot read"
            );
            return;
        };
        let mut state = self.state();
        let server_id = message.server_id;
        if server_id == self.shared.server_id {
            state.said.pop_front();
        }
        let stand = state.fleet.hear(&message, Instant::now());
        for Entry {
            room,
            key,
            data,
            is_removal,
        } in message.entries
        {
            state.show(
                server_id,
                self.shared.server_id,
                room,
                key,
                data,
                is_removal,
            );
        }
        if stand == Stand::Gone {
            return state.forget_server(server_id);
        }
        if message.server == Server::Started && server_id != self.shared.server_id {
            state.repeat(self.shared.server_id);
            self.shared.changed.notify_one();
        }
    }

    /// A document was renamed, deleted or restored: its readers are told. Or rights changed.
    pub fn event(&self, event: &Event) {
        let Some(org_id) = event.org_id else { return };
        if matches!(
            event.kind,
            EventKind::MemberChanged | EventKind::GrantChanged
        ) {
            let is_meant = |room: &DocKey| {
                room.org_id == org_id && event.document_id.is_none_or(|id| id == room.document_id)
            };
            return self.suspend(is_meant, event.account_id);
        }
        let Some(document_id) = event.document_id else {
            return;
        };
        let (key, values) = match (event.kind, &event.title) {
            (EventKind::DocumentRenamed, Some(title)) => (DOCUMENT, document(title)),
            (EventKind::DocumentDeleted, _) => (DOCUMENT, facts::deleted()),
            (EventKind::CommentsChanged, _) => (COMMENTS, comments()),
            _ => return,
        };
        let room = DocKey {
            org_id,
            document_id,
        };
        if let Some(places) = self.state().rooms.get(&room) {
            places.tell(room, key, &values);
        }
        if event.kind == EventKind::DocumentDeleted {
            self.suspend(|key| *key == room, None);
        }
    }

    /// Where browsers reach the servers.
    pub fn servers(&self) -> Servers {
        let state = self.state();
        let mut servers = Servers::default();
        for (_, known) in state
            .fleet
            .servers
            .iter()
            .filter(|(id, _)| **id != self.shared.server_id)
        {
            let takes = known.stand == Stand::TakesClients;
            let list = match takes && known.heard.elapsed() < SERVER_SILENCE {
                true => &mut servers.live,
                false => &mut servers.away,
            };
            list.push(known.address.clone());
        }
        servers.live.sort();
        servers.away.sort();
        servers.live.insert(0, self.shared.address.clone());
        servers
    }

    /// Whether this server wants no more clients; all are told.
    pub fn withdraw(&self, is_withdrawn: bool) {
        let mut state = self.state();
        if std::mem::replace(&mut state.is_withdrawn, is_withdrawn) != is_withdrawn {
            self.shared.changed.notify_one();
        }
    }

    /// How this server is; its next heartbeat says so. To be called every second.
    pub fn report(&self, mut vitals: Vitals) {
        let mut state = self.state();
        vitals.silent = state.fleet.unheard(Instant::now(), self.lag_of(&state));
        let is_news = (state.vitals.as_ref()).is_some_and(|before| vitals.is_news_after(before));
        state.vitals = Some(vitals);
        state.is_vitals_due = true;
        if is_news && !state.is_failing {
            self.shared.changed.notify_one();
        }
    }

    /// How long ago this server wrote the oldest of what has not come back out of the log.
    pub fn lag(&self) -> Duration {
        self.lag_of(&self.state())
    }

    fn lag_of(&self, state: &State) -> Duration {
        let oldest = state.said.front();
        oldest.map(Instant::elapsed).unwrap_or_default()
    }

    /// A new slot streams: what was written before it may be heard by nobody here, and what others
    /// wrote meanwhile was not. Both is said again.
    pub fn connected(&self) {
        let mut state = self.state();
        state.said.clear();
        state.is_asking = true;
        state.repeat(self.shared.server_id);
        self.shared.changed.notify_one();
    }

    /// Forgets servers and people that fell silent. To be called every few seconds.
    pub fn expire(&self) {
        let mut state = self.state();
        let silent: Vec<Uuid> = state
            .fleet
            .servers
            .iter()
            .filter(|(_, known)| known.heard.elapsed() >= SERVER_SILENCE)
            .map(|(id, _)| *id)
            .collect();
        for server_id in silent {
            let Some(known) = state.fleet.servers.get_mut(&server_id) else {
                continue;
            };
            if std::mem::replace(&mut known.stand, Stand::Gone) != Stand::Gone {
                state.forget_server(server_id);
            }
        }
        state
            .fleet
            .servers
            .retain(|_, known| known.heard.elapsed() < GONE_LATELY);
        state.forget(|person| person.heard.elapsed() >= PERSON_SILENCE);
        state
            .parted
            .retain(|_, parted| parted.elapsed() < PERSON_SILENCE);
        state
            .rooms
            .retain(|_, places| !places.people.is_empty() || !places.readers.is_empty());
        let shown: usize = state.rooms.values().map(|places| places.people.len()).sum();
        SHOWN.set(shown as i64);
    }
}
