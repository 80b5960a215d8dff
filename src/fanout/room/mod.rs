//! One open document on this server: its live copy, its readers, and the order in which everything
//! happens to them. One task owns it; the others hold a handle.

mod compare;
mod folding;
mod join;
mod mend;
mod message;
mod show;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use loro::VersionVector;
use tokio::sync::mpsc;
use uuid::Uuid;

use self::join::Shot;
pub use self::message::Join;
pub(in crate::fanout) use self::message::{Message, WAITING};
use self::show::Fresh;
use crate::change::{Change, Edit, Lsn};
use crate::document::live::LiveDocument;
use crate::document::load::{self, Loaded, Position};
use crate::document::trial::DocKey;
use crate::error::{Error, Kind, Result};
use crate::fanout::readers::Readers;
use crate::fanout::{Room, Shared};
use crate::metrics::{Counter, Metric};
use crate::protocol::{RoomErrorCode, Text};
use crate::traces::{self, Place, Span};

/// Messages that are kept while a document is being loaded. What the feed brings beyond that is
/// let go, and read from the tables once more.
const WAITING_FOR_LOAD: usize = 4_096;
/// An update of more bytes than this may take long to import,
const LIGHT: usize = 1024;
/// and any after one that took so long.
const HEAVY: Duration = Duration::from_millis(2);
/// Messages taken at once, so that a burst becomes few frames.
const TAKEN_AT_ONCE: usize = 256;
/// Pause before tables that could not be read are read again.
const READ_AGAIN: Duration = Duration::from_millis(500);
/// The shortest time between two folds of one document.
const FOLD_EVERY: Duration = Duration::from_secs(10);
/// A room in which nothing happens for so long lets go of the snapshot that joiners shared.
const QUIET: Duration = Duration::from_secs(10);
/// Messages for which room is kept in a quiet room.
const KEPT_ROOM: usize = 16;
/// Joiners from nothing share one snapshot until the updates since it are this long, in bytes.
const SHARED_SNAPSHOT_TAIL: usize = 64 * 1024;

static OPENED: Counter = Counter::new("quire_documents_opened_total", "Documents loaded.");
static DELIVERED: Counter = Counter::new(
    "quire_edits_applied_total",
    "Edits from the log applied to open documents.",
);
static REBUILT: Counter = Counter::new(
    "quire_documents_rebuilt_total",
    "Live documents rebuilt from their rows: after a failure in Loro or a failover.",
);

static PUT_BACK: Counter = Counter::new(
    "quire_edits_put_back_total",
    "Edits that a failover or a restore had lost and this server has written again.",
);

pub(in crate::fanout) static METRICS: &[&dyn Metric] =
    &[&OPENED, &DELIVERED, &REBUILT, &PUT_BACK, &join::SNAPSHOTS];

/// Loads the document and serves it until every handle on the room is gone.
pub(in crate::fanout) async fn run(
    shared: Arc<Shared>,
    room: std::sync::Weak<Room>,
    key: DocKey,
    mut messages: mpsc::Receiver<Message>,
    opener: Option<Place>,
) {
    let mut waiting = VecDeque::new();
    let mut missed = false;
    let opened = {
        let open = State::open(shared.clone(), room.clone(), key);
        let mut open = Box::pin(traces::within(opener, open));
        loop {
            tokio::select! {
                biased;
                opened = &mut open => break opened,
                message = messages.recv() => match message {
                    None => return,
                    Some(Message::Changes { .. }) if waiting.len() >= WAITING_FOR_LOAD => missed = true,
                    Some(message) => waiting.push_back(message),
                },
            }
        }
    };
    let mut state = match opened {
        Ok(state) => state,
        Err(error) => {
            shared.close_room(&key, &room);
            return refuse(&error, key, waiting, messages).await;
        }
    };
    state.must_read |= missed;
    state.serve(waiting, messages).await;
}

/// A document that could not be loaded refuses whoever asked, and is tried anew for the next one.
async fn refuse(
    error: &Error,
    key: DocKey,
    mut waiting: VecDeque<Message>,
    mut messages: mpsc::Receiver<Message>,
) {
    tracing::warn!(document_id = %key.document_id, %error, "open document");
    let again = || Error::new(error.kind(), error.to_string());
    loop {
        let message = match waiting.pop_front() {
            Some(message) => message,
            None => match messages.recv().await {
                Some(message) => message,
                None => return,
            },
        };
        // Whoever asked may be gone.
        match message {
            Message::Join(join) => drop(join.reply.send(Err(again()))),
            Message::Stage { reply } => drop(reply.send(Err(again()))),
            _ => {}
        }
    }
}

struct State {
    shared: Arc<Shared>,
    room: std::sync::Weak<Room>,
    key: DocKey,
    name: Text,
    live: LiveDocument,
    /// What `live` holds.
    version: VersionVector,
    /// The era of the log that `live` was read from.
    era: u64,
    /// The last reading of the tables; everything that it saw is in `live`.
    position: Position,
    /// No reading of the tables saw what was committed after this place in the log.
    reaches: Lsn,
    /// Whether it has changed since it was compared with other servers' copies.
    is_uncompared: bool,
    /// Whether a snapshot of it is longer than what is sent at once.
    is_long: bool,
    /// Whether the last import took long: then the next one may, too.
    is_heavy: bool,
    set_aside: BTreeSet<i64>,
    snapshot_bytes: usize,
    tail_edits: usize,
    tail_bytes: usize,
    last_fold: tokio::time::Instant,
    is_folding: bool,
    readers: Readers,
    /// Shared by all who join from nothing.
    shot: Option<Shot>,
    next_batch: u64,
    /// Whether the trial was given a copy, which must be kept up to date. It may have let go of it.
    is_staged: bool,
    must_read: bool,
    must_rebuild: bool,
    /// Readers' rights may have changed unheard.
    must_recheck: bool,
    /// Whether the stored snapshot is not to be trusted then.
    is_from_edits: bool,
    /// Whether the tables may have lost what this copy holds: it writes that again.
    must_put_back: bool,
    /// Whose the peers are whose edits came while the document was open.
    authors: HashMap<u64, Uuid>,
    /// Something in `live` waits for what was committed while nothing was streamed.
    hangs: bool,
}

impl State {
    async fn open(shared: Arc<Shared>, room: std::sync::Weak<Room>, key: DocKey) -> Result<Self> {
        let mut set_aside = BTreeSet::new();
        // Asked before the tables are read: at worst the copy counts as older than it is.
        let era = shared.pool.lineage().era();
        // A copy that the room before this one gave has missed what came since.
        shared.trial.forget(key);
        let load = load::load(
            &shared.pool,
            key,
            shared.system_identifier(),
            &mut set_aside,
        );
        let reading = shared.feed.reading(key.org_id, key.document_id, load);
        let (loaded, recent) = reading.await?;
        OPENED.increment();
        let Loaded {
            live,
            position,
            snapshot_bytes,
            tail_edits,
            tail_bytes,
            hangs,
            authors,
        } = loaded;
        let version = live.version()?;
        let mut state = Self {
            name: Text::from(Room::name(&key)),
            shared,
            room,
            key,
            live,
            version,
            era,
            reaches: position.reaches,
            is_uncompared: true,
            is_long: false,
            is_heavy: false,
            position,
            set_aside,
            snapshot_bytes,
            tail_edits,
            tail_bytes,
            last_fold: tokio::time::Instant::now(),
            is_folding: false,
            readers: Readers::default(),
            shot: None,
            next_batch: 0,
            is_staged: false,
            must_read: false,
            must_rebuild: false,
            must_recheck: false,
            is_from_edits: false,
            must_put_back: false,
            authors,
            hangs,
        };
        let mut fresh = Fresh::default();
        for transaction in recent {
            for change in &transaction.changes {
                state.take(change, &mut fresh);
            }
        }
        Ok(state)
    }

    async fn serve(
        &mut self,
        mut waiting: VecDeque<Message>,
        mut messages: mpsc::Receiver<Message>,
    ) {
        let mut received = Vec::new();
        loop {
            let mut fresh = Fresh::default();
            while let Some(message) = waiting.pop_front() {
                if let Message::Changes {
                    transaction,
                    places,
                    place,
                } = &message
                {
                    let span = place.and_then(|place| Span::below(place, "show"));
                    for &place in places {
                        self.take(&transaction.changes[place as usize], &mut fresh);
                    }
                    fresh.spans.extend(span);
                    continue;
                }
                self.show(std::mem::take(&mut fresh));
                self.handle(message).await;
            }
            self.show(fresh);
            self.mend().await;
            self.recheck().await;
            self.measure();
            self.fold_if_due();
            let is_unsettled = self.must_read || self.must_rebuild || self.must_recheck;
            let message = messages.recv_many(&mut received, TAKEN_AT_ONCE);
            let count = if is_unsettled {
                tokio::time::timeout(READ_AGAIN, message).await
            } else if self.shot.is_some() || waiting.capacity() > KEPT_ROOM {
                tokio::time::timeout(QUIET, message).await
            } else {
                Ok(message.await)
            };
            match count {
                Ok(0) => break,
                Err(_) if !is_unsettled => {
                    self.shot = None;
                    received.shrink_to(KEPT_ROOM);
                    waiting.shrink_to(KEPT_ROOM);
                }
                _ => waiting.extend(received.drain(..)),
            }
        }
        Box::pin(self.unload()).await;
    }

    async fn handle(&mut self, message: Message) {
        match message {
            Message::Changes { .. } => unreachable!("taken in by the loop"),
            Message::ReadAgain => self.must_read = true,
            Message::Rebuild => (self.must_rebuild, self.must_put_back) = (true, true),
            Message::Join(join) => Box::pin(self.join(join)).await,
            Message::Leave(reader) => drop(self.readers.all.remove(&reader)),
            Message::CatchUp(reader) => self.catch_up(reader),
            Message::Stage { reply } => {
                // What was just committed here may not have come out of the feed yet.
                self.must_read = true;
                self.mend().await;
                // Whoever asked may be gone.
                let _ = reply.send(Box::pin(self.stage()).await);
            }
            Message::Fold(read) => self.fold(read),
            Message::Compare(question) => self.compare(question),
            Message::RebuildFromEdits => (self.must_rebuild, self.is_from_edits) = (true, true),
            Message::Authority(account_id) => self.send_away(
                |reader| account_id.is_none_or(|id| id == reader.account_id),
                RoomErrorCode::RejoinSuggested,
                "your rights changed; join again",
            ),
            Message::Recheck => self.must_recheck = true,
            Message::Deleted => {
                self.send_away(|_| true, RoomErrorCode::AppError, "document_deleted");
            }
            Message::Moved(says) => self.send_away(|_| true, RoomErrorCode::AppError, &says),
        }
    }

    /// Takes in one edit, if it is this document's and not known yet.
    fn take(&mut self, change: &Change, fresh: &mut Fresh) {
        let Change::Edit(edit) = change else { return };
        if (edit.org_id, edit.document_id) != (self.key.org_id, self.key.document_id) {
            return;
        }
        self.tell_trial(&edit.update);
        self.authors.insert(edit.peer, edit.account_id);
        let known = self.version.get(&edit.peer).copied().unwrap_or(0);
        if known >= edit.counter_end || self.set_aside.contains(&edit.edit_id) {
            return;
        }
        DELIVERED.increment();
        self.is_uncompared = true;
        let is_in = self.import(edit.edit_id, &edit.update);
        if self.hangs {
            // The tables have what is missing. Until then nobody is shown anything, or their copies
            // would hang in the air as well.
            self.must_read = true;
        } else if is_in {
            self.take_in(edit, known, fresh);
        }
    }

    fn take_in(&mut self, edit: &Edit, known: i32, fresh: &mut Fresh) {
        fresh.before.entry(edit.peer).or_insert(known);
        self.version.insert(edit.peer, edit.counter_end);
        fresh.updates.push((edit.peer, edit.update.clone()));
    }

    /// Where nobody writes, nothing is sent to the trial.
    fn tell_trial(&self, update: &Bytes) {
        if self.is_staged {
            self.shared.trial.committed(self.key, update.clone());
        }
    }

    /// Imports one row; what Loro cannot apply is set aside, and a poisoned copy rebuilt. Answers
    /// whether it is part of the document now.
    fn import(&mut self, edit_id: i64, update: &Bytes) -> bool {
        let began = Instant::now();
        let live = &mut self.live;
        // What may take long must not hold up what else runs on this thread.
        let imported = match self.is_heavy || update.len() > LIGHT {
            true => tokio::task::block_in_place(|| live.import(update)),
            false => live.import(update),
        };
        self.is_heavy = began.elapsed() > HEAVY;
        match imported {
            Ok(imported) => {
                self.tail_edits += 1;
                self.tail_bytes += update.len();
                self.hangs |= imported.pending;
                !imported.pending
            }
            Err(_) => {
                load::put_aside(self.key, edit_id, &mut self.set_aside);
                self.must_rebuild |= self.live.is_poisoned();
                false
            }
        }
    }

    async fn stage(&mut self) -> Result<u64> {
        if self.must_read || self.must_rebuild {
            return Err(Error::new(
                Kind::Unavailable,
                "the document cannot be read just now",
            ));
        }
        let live = &self.live;
        let snapshot = tokio::task::block_in_place(|| live.snapshot())?;
        self.is_staged = true;
        self.shared.trial.seed(self.key, snapshot.into()).await?;
        Ok(self.era)
    }

    fn measure(&self) {
        if let Some(room) = self.room.upgrade() {
            let shared = self
                .shot
                .as_ref()
                .map_or(0, |shot| shot.frames.iter().map(Bytes::len).sum::<usize>());
            room.bytes
                .store(self.live.bytes() + shared, Ordering::Relaxed);
            room.is_uncompared
                .store(self.is_uncompared, Ordering::Relaxed);
        }
    }
}
