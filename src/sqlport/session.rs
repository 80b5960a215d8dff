//! One session, signed in: two ways of bytes that wait for each other only where a document is asked for,
//! and what ends them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::answers::Answers;
use super::calls::Library;
use super::cancel::{Keys, Registered};
use super::ledger::Ledger;
use super::peer::{End, Peer};
use super::refusal::Refusal;
use super::requests::Requests;
use super::rewrite::Rewritten;
use crate::postgres::Lineage;

/// Answers to statements of the port's own that are read ahead.
const OWN_ANSWERS: usize = 64;
/// How often a session that was not told looks whether its database is still the one that is followed.
const LOOK: Duration = Duration::from_secs(10);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// What the two ways of a session share.
pub(super) struct State {
    ledger: Mutex<Ledger>,
    /// Something was answered.
    pub changed: Notify,
    is_utf8: AtomicBool,
    strings_are_standard: AtomicBool,
    /// What the present statement of the port's own is made of, and the hint for when it fails.
    places: Mutex<Places>,
    /// The client wants what is computed for it to stop.
    pub cancelled: Arc<Notify>,
    keys: Arc<Keys>,
    registered: Mutex<Option<Registered>>,
}

type Places = (Option<Arc<Rewritten>>, Option<&'static str>);

impl State {
    fn new(keys: Arc<Keys>) -> Self {
        Self {
            ledger: Mutex::default(),
            changed: Notify::new(),
            is_utf8: AtomicBool::new(true),
            strings_are_standard: AtomicBool::new(true),
            places: Mutex::default(),
            cancelled: Arc::default(),
            keys,
            registered: Mutex::default(),
        }
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the client's encoding is UTF-8.
    pub fn is_utf8(&self) -> bool {
        self.is_utf8.load(Ordering::Relaxed)
    }

    /// Whether a backslash in a plain string is a character like any other.
    pub fn strings_are_standard(&self) -> bool {
        self.strings_are_standard.load(Ordering::Relaxed)
    }

    pub fn own_places(&self) -> Places {
        let places = self.places.lock();
        places.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_own_places(&self, places: Places) {
        *self.places.lock().unwrap_or_else(PoisonError::into_inner) = places;
    }

    /// Looks at a message that goes to the client.
    pub fn look(&self, tag: u8, body: &[u8]) {
        match tag {
            b'Z' => self.ledger().ready(body.first().copied().unwrap_or(0)),
            b'K' => {
                let registered = self.keys.register(body, self.cancelled.clone());
                let mut held = self.registered.lock();
                *held
                    .as_deref_mut()
                    .expect("nothing panics while it is held") = Some(registered);
            }
            b'S' => {
                let mut texts = body.split(|byte| *byte == 0);
                match (texts.next(), texts.next()) {
                    (Some(b"client_encoding"), Some(value)) => {
                        self.is_utf8.store(value == b"UTF8", Ordering::Relaxed);
                    }
                    (Some(b"standard_conforming_strings"), Some(value)) => {
                        let is_on = value == b"on";
                        self.strings_are_standard.store(is_on, Ordering::Relaxed);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Waits until everything that was asked is answered, or nothing more will be before the client says more.
    pub async fn quiet(&self) {
        self.until(|ledger| ledger.is_quiet() || ledger.is_lost() || ledger.is_unheard())
            .await;
    }

    async fn until(&self, is_so: impl Fn(&Ledger) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that nothing is missed.
            changed.as_mut().enable();
            if is_so(&self.ledger()) {
                return;
            }
            changed.await;
        }
    }
}

/// What ends a session besides its two ends.
pub(super) struct Ends {
    pub lineage: Lineage,
    /// When it was connected.
    pub made: Instant,
    /// The server stops: who is idle is sent away, who is not has this long.
    pub draining: CancellationToken,
    pub grace: Duration,
}

/// Passes bytes on until one end closes or something else ends the session.
pub(super) async fn pass(
    client: Peer,
    database: Peer,
    keys: Arc<Keys>,
    library: Arc<Library>,
    ends: Ends,
) {
    let state = Arc::new(State::new(keys));
    let (mut from_client, mut to_client) = tokio::io::split(client.socket);
    let (mut from_database, mut to_database) = tokio::io::split(database.socket);
    let (own, own_answers) = mpsc::channel(OWN_ANSWERS);
    let mut answers = Answers {
        database: &mut from_database,
        client: &mut to_client,
        buffer: database.buffer,
        state: state.clone(),
        own,
        left: 0,
    };
    let mut requests = Requests {
        client: &mut from_client,
        database: &mut to_database,
        buffer: client.buffer,
        state: state.clone(),
        own: own_answers,
        library,
        prepared: Default::default(),
        left: 0,
    };
    let farewell = {
        let asking = async {
            requests.run().await?;
            // What was asked is still answered.
            std::future::pending::<Result<(), End>>().await
        };
        tokio::select! {
            biased;
            outcome = answers.run() => refusal(outcome),
            outcome = asking => refusal(outcome),
            reason = ended(&state, &ends) => Some(reason),
        }
    };
    if let Some(farewell) = farewell.filter(|_| answers.is_between_messages()) {
        let message = farewell.message();
        let told = async {
            to_client.write_all(&message).await?;
            to_client.flush().await
        };
        // Whoever does not listen is not waited for.
        let _ = timeout(FAREWELL, told).await;
    }
    let _ = timeout(FAREWELL, to_client.shutdown()).await;
}

/// What the client is told at the end; nothing when Postgres said it or nobody is there.
fn refusal(outcome: Result<(), End>) -> Option<Refusal> {
    match outcome {
        Err(End::Refused(refusal)) => Some(refusal),
        Err(End::Closed(error)) => {
            tracing::debug!(%error, "a session of the SQL port ended");
            None
        }
        Ok(()) => None,
    }
}

async fn ended(state: &State, ends: &Ends) -> Refusal {
    tokio::select! {
        () = left_behind(&ends.lineage, ends.made) => Refusal::fatal(
            "57P01",
            "terminating connection: the server follows another database now",
        ),
        () = ends.draining.cancelled() => {
            // Whoever has something under way may finish it.
            let _ = timeout(ends.grace, state.until(Ledger::is_idle)).await;
            stopping()
        }
    }
}

/// Waits until the database that the session is on is no longer followed.
async fn left_behind(lineage: &Lineage, made: Instant) {
    while lineage.is_current(made) {
        let _ = timeout(LOOK, lineage.changed()).await;
    }
}

/// The server stops.
pub(super) fn stopping() -> Refusal {
    Refusal::fatal(
        "57P01",
        "terminating connection due to administrator command",
    )
}

/// The port has lost count of what the client was answered.
pub(super) fn lost() -> Refusal {
    Refusal::error(
        "08P01",
        "the SQL port cannot follow this session, so it computes nothing in it: connect again",
    )
}
