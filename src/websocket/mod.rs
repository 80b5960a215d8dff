//! One browser connection: frames in, frames out, and which rooms it is in. What an update is worth
//! is decided by its room; who may do what by the database.

mod admission;
mod close;
mod connection;
pub(crate) mod credentials;
mod framing;
mod join;
mod pace;
mod reader;
mod seldom;
mod writer;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use uuid::Uuid;

pub use connection::serve;

use crate::directory::Directory;
use crate::fanout::outbox::Outbox;
use crate::fanout::{Fanout, ReaderId};
use crate::metrics::{self, Counter, Gauge, Metric};
use crate::postgres::{Pool, failed};
use crate::presence::Presence;

static CONNECTED: Gauge = Gauge::new("quire_connections", "Open WebSocket connections.");
static TURNED_AWAY: Counter = Counter::new(
    "quire_connections_turned_away_total",
    "WebSocket connections closed at once because there were too many, or the server was stopping.",
);
static METRICS: &[&dyn Metric] = &[&CONNECTED, &TURNED_AWAY, &join::JOINS];

const STILL_SIGNED_IN: &str = include_str!("../../sql/still_signed_in.sql");
/// The longest time between two connections that are sent away when the server stops.
const APART: Duration = Duration::from_millis(20);
/// How long a server takes from its end to its next start, roughly.
const RESTART: Duration = Duration::from_secs(1);
/// When it is worth asking a server again that did not hear the log.
const BACK_IN_ROTATION: Duration = Duration::from_secs(10);
/// How long it may take from looking up a session to having its connection in the list.
const OPENING: Duration = Duration::from_secs(60);

/// What one server's connections may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at the same time.
    pub connections: usize,
    /// Document updates that wait for one slow reader, in bytes.
    pub outbox_bytes: usize,
}

/// Shared by all connections of a server.
pub struct State {
    pool: Pool,
    fanout: Fanout,
    presence: Presence,
    directory: Directory,
    limits: Limits,
    open: Mutex<HashMap<ReaderId, Open>>,
    next_id: AtomicU64,
    is_draining: AtomicBool,
    /// How often rights had to be looked up in the tables, because changes may have been unheard...
    asked: AtomicU64,
    /// ... and up to which of these times that was done.
    answered: AtomicU64,
    /// They could not be for too long: nobody is let in.
    is_blind: AtomicBool,
    /// Sessions that ended a moment ago: a connection that was just being opened closes too.
    ended: Mutex<HashMap<Uuid, Instant>>,
}

struct Open {
    session_id: Option<Uuid>,
    outbox: Outbox,
    since: Instant,
}

impl Open {
    /// To another server, or back here after `wait`.
    fn send_away(&self, wait: Duration) {
        let wait_ms = wait.as_millis();
        self.outbox
            .close(close::DRAINING, format!("retry_after_ms={wait_ms}"));
    }
}

impl State {
    /// No connection yet.
    pub fn new(
        pool: Pool,
        fanout: Fanout,
        presence: Presence,
        directory: Directory,
        limits: Limits,
    ) -> Self {
        metrics::register(METRICS);
        Self {
            pool,
            fanout,
            presence,
            directory,
            limits,
            open: Mutex::default(),
            next_id: AtomicU64::new(1),
            is_draining: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            is_blind: AtomicBool::new(false),
            ended: Mutex::default(),
        }
    }

    /// Closes the connections of a session that has ended.
    pub fn session_ended(&self, session_id: Uuid) {
        let mut ended = self.ended();
        ended.retain(|_, at| at.elapsed() < OPENING);
        ended.insert(session_id, Instant::now());
        drop(ended);
        for open in self.open().values() {
            if open.session_id == Some(session_id) {
                open.outbox
                    .close(close::SIGNED_OUT, "the session has ended");
            }
        }
    }

    /// Changes may have been missed: closes the connections of sessions that live no more.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn recheck(&self) -> crate::error::Result<()> {
        let sessions: HashSet<Uuid> = self.open().values().filter_map(|o| o.session_id).collect();
        let sessions: Vec<Uuid> = sessions.into_iter().collect();
        if !sessions.is_empty() || self.is_blind.load(Ordering::Relaxed) {
            let client = self.pool.get().await.map_err(failed("look up sessions"))?;
            let rows = client
                .query(STILL_SIGNED_IN, &[&sessions])
                .await
                .map_err(failed("look up sessions"))?;
            let alive: HashSet<Uuid> = rows.iter().map(|row| row.get("session_id")).collect();
            for session_id in sessions.iter().filter(|id| !alive.contains(id)) {
                self.session_ended(*session_id);
            }
        }
        Ok(())
    }

    /// Rights are about to be looked up, here and wherever else somebody listens; until
    /// [`Self::sure`] is told of this number they are not known.
    pub fn unsure(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// All that had to be looked up then was.
    pub fn sure(&self, number: u64) {
        self.answered.fetch_max(number, Ordering::SeqCst);
        self.is_blind.store(false, Ordering::Relaxed);
    }

    /// Whether rights still have to be looked up.
    pub fn is_unsure(&self) -> bool {
        self.answered.load(Ordering::SeqCst) < self.asked.load(Ordering::SeqCst)
    }

    /// Rights could not be looked up for too long: closes everything rather than go on with old
    /// ones, and lets nobody in until they are [known](Self::sure).
    pub fn blind(&self) {
        if !self.is_blind.swap(true, Ordering::Relaxed) {
            for open in self.open().values() {
                open.outbox.close(close::DRAINING, "retry_after_ms=1000");
            }
        }
    }

    /// Sends everybody to another server one after the other, within `spread`, so that they do not
    /// arrive there at once. Whose turn has not come is served meanwhile; nobody new is let in.
    pub async fn drain(&self, spread: Duration) {
        self.is_draining.store(true, Ordering::Relaxed);
        let ids: Vec<ReaderId> = self.open().keys().copied().collect();
        let apart = (spread / ids.len().max(1) as u32).min(APART);
        let began = Instant::now();
        for (place, id) in (0..).zip(&ids) {
            let turn = apart * place;
            tokio::time::sleep(turn.saturating_sub(began.elapsed())).await;
            let rest = apart * ids.len() as u32 - turn;
            if let Some(open) = self.open().get(id) {
                open.send_away(rest + RESTART);
            }
        }
    }

    /// Sends away up to `most` of the connections that were opened before `since`: another server
    /// serves them better.
    pub fn send_away(&self, most: usize, since: Instant) {
        let open = self.open();
        let before = open.values().filter(|open| open.since < since);
        for open in before.take(most) {
            open.send_away(BACK_IN_ROTATION);
        }
    }

    /// The sessions whose connections are open.
    pub fn sessions(&self) -> Vec<Uuid> {
        let open = self.open();
        let sessions: HashSet<Uuid> = open.values().filter_map(|open| open.session_id).collect();
        sessions.into_iter().collect()
    }

    /// How many connections are open.
    pub fn count(&self) -> usize {
        self.open().len()
    }

    fn open(&self) -> MutexGuard<'_, HashMap<ReaderId, Open>> {
        self.open
            .lock()
            .expect("no code panics while it holds the connections")
    }

    /// Counts a connection in; none when it must be turned away.
    fn register(&self, outbox: &Outbox) -> Result<ReaderId, close::Code> {
        let mut open = self.open();
        if self.is_draining.load(Ordering::Relaxed) || self.is_blind.load(Ordering::Relaxed) {
            TURNED_AWAY.increment();
            return Err(close::DRAINING);
        }
        if open.len() >= self.limits.connections {
            TURNED_AWAY.increment();
            return Err(close::TOO_MANY);
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        open.insert(
            id,
            Open {
                session_id: None,
                outbox: outbox.clone(),
                since: Instant::now(),
            },
        );
        CONNECTED.set(open.len() as i64);
        Ok(id)
    }

    fn signed_in(&self, id: ReaderId, session_id: Uuid) {
        if let Some(open) = self.open().get_mut(&id) {
            open.session_id = Some(session_id);
            if self.ended().contains_key(&session_id) {
                open.outbox
                    .close(close::SIGNED_OUT, "the session has ended");
            }
        }
    }

    fn ended(&self) -> MutexGuard<'_, HashMap<Uuid, Instant>> {
        self.ended
            .lock()
            .expect("no code panics while it holds the ended sessions")
    }

    fn unregister(&self, id: ReaderId) {
        let mut open = self.open();
        open.remove(&id);
        CONNECTED.set(open.len() as i64);
    }
}
