//! Caches in front of Quire keep published pages and are told when one changed. Servers hear of changes
//! from the log; a second later one of them tells the caches, and notes in the tables that it did, so that
//! another one does it when it was killed. Nothing waits for it: no commit, no reader.

mod hook;
mod noted;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::hook::Hooks;
use self::noted::Noted;
use crate::change::{Change, EventKind, Transaction};
use crate::config;
use crate::document::trial::DocKey;
use crate::error::Result;
use crate::feed::snapshot::Snapshot;
use crate::metrics::{self, Counter, Metric};
use crate::postgres::{Pool, failed};
use crate::presence::{Servers, turn};
use crate::rounds::{Look, Rounds, pass_over};

const UNTOLD_PUBLICATIONS: &str = include_str!("../../sql/untold_publications.sql");
const PUBLICATION_PAGE: &str = include_str!("../../sql/publication_page.sql");
const NOTE_TOLD: &str = include_str!("../../sql/note_told.sql");

/// How often is looked what is due.
const EVERY: Duration = Duration::from_millis(250);
/// How long nothing is tried after a failure of the database.
const PAUSE: Duration = Duration::from_secs(5);
/// Documents that are looked up at once.
const AT_ONCE: usize = 1_024;
/// Pages that are compared with what caches know in one step of a look through the tables.
const PAGE: i64 = 200;
/// How often all pages are looked through; also when the feed was away.
const LOOK_THROUGH: Duration = Duration::from_secs(600);

static PURGED: Counter = Counter::new(
    "quire_pages_purged_total",
    "Published pages of which this server told the caches that they changed.",
);
static FAILED: Counter = Counter::new(
    "quire_page_purge_failures_total",
    "Times that a cache could not be told that a published page changed; it is tried again.",
);
static METRICS: &[&dyn Metric] = &[&PURGED, &FAILED];

/// What caches are to be told. Cheap to clone.
#[derive(Clone)]
pub struct Purges {
    shared: Arc<Shared>,
}

struct Shared {
    pool: Pool,
    hooks: Hooks,
    /// Those that live; this one first.
    servers: watch::Receiver<Servers>,
    noted: Mutex<Noted>,
    /// When the feed was last away: what changed meanwhile is looked for.
    unheard: watch::Sender<Instant>,
}

impl Purges {
    /// Caches told by the first of `servers` of pages that are read under `origins`.
    ///
    /// # Errors
    /// `Setting` when a cache is at an https address and the machine has no certificate authorities.
    pub fn new(
        pool: Pool,
        servers: watch::Receiver<Servers>,
        settings: &config::Purge,
        origins: &[String],
    ) -> Result<Self> {
        metrics::register(METRICS);
        Ok(Self {
            shared: Arc::new(Shared {
                pool,
                hooks: Hooks::new(settings, origins)?,
                servers,
                noted: Mutex::default(),
                unheard: watch::Sender::new(Instant::now()),
            }),
        })
    }

    /// Whether there are caches to be told.
    pub fn has_caches(&self) -> bool {
        !self.shared.hooks.is_empty()
    }

    /// What the log says; costs a look into a map for each change, and nothing without caches.
    pub fn hear(&self, transaction: &Transaction) {
        if !self.has_caches() {
            return;
        }
        let changed = transaction
            .changes
            .iter()
            .filter_map(|change| match change {
                Change::Edit(edit) => Some((edit.org_id, edit.document_id)),
                Change::Event(event) => match event.kind {
                    EventKind::DocumentRenamed
                    | EventKind::DocumentDeleted
                    | EventKind::DocumentRestored
                    | EventKind::PublicationChanged => Some((event.org_id?, event.document_id?)),
                    _ => None,
                },
                Change::Message(_) => None,
            });
        let mut changed = changed.peekable();
        if changed.peek().is_none() {
            return;
        }
        let (now, mut noted) = (Instant::now(), self.noted());
        for (org_id, document_id) in changed {
            let key = DocKey {
                org_id,
                document_id,
            };
            noted.note(key, Some(transaction.xid), now);
        }
    }

    /// The log did not tell everything, or may have become another one.
    pub fn look_through(&self) {
        self.shared.unheard.send_replace(Instant::now());
    }

    /// Tells caches what is due until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        if !self.has_caches() {
            return;
        }
        let mut rounds = Rounds::new(EVERY, PAUSE, stop);
        let mut look = Look::new(LOOK_THROUGH);
        while rounds.next().await {
            let round = self.round(&mut look);
            rounds
                .play("look which published pages changed", round)
                .await;
        }
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.shared
            .noted
            .lock()
            .expect("no code panics while it holds what is noted")
    }

    async fn round(&self, look: &mut Look) -> Result<()> {
        // Before the feed has streamed it is not known which database is the right one.
        let Some(server) = self.shared.pool.lineage().server() else {
            return Ok(());
        };
        self.look_on(look).await?;
        let servers = self.shared.servers.borrow().live.clone();
        let now = Instant::now();
        let due = self.noted().due(now, |key| turn(&servers, key), AT_ONCE);
        if due.is_empty() {
            return Ok(());
        }
        let keys: Vec<DocKey> = due.iter().map(|(key, _)| *key).collect();
        let states = self.states(&keys).await?;
        for (key, changes) in due {
            let Some(state) = states.iter().find(|state| state.key == key) else {
                // It was never published.
                self.noted().settle(&key, &changes, Instant::now());
                continue;
            };
            // A cache that asks before the tables show a change would keep the page of before.
            let snapshot = Snapshot::parse(&state.seen)?;
            if !changes.iter().all(|xid| snapshot.sees(*xid)) {
                continue;
            }
            // Another server was first, or nothing changed.
            if !state.is_untold {
                self.noted().settle(&key, &changes, Instant::now());
                continue;
            }
            if let Err(error) = self.tell(state, &changes, server.system_identifier).await {
                pass_over(key, "note what caches know of a page", error)?;
            }
        }
        Ok(())
    }

    /// Tells the caches of one page, and notes that they know.
    async fn tell(&self, state: &State, changes: &[u32], system_identifier: u64) -> Result<()> {
        let path = format!("/p/{}", state.publication_id);
        if let Err(error) = self.shared.hooks.tell(&path).await {
            FAILED.increment();
            tracing::warn!(document_id = %state.key.document_id, %error, "a cache may show a published page as it was; trying again");
            self.noted().fail(&state.key, Instant::now());
            return Ok(());
        }
        PURGED.increment();
        self.noted().settle(&state.key, changes, Instant::now());
        let client = self.shared.pool.get().await;
        client
            .map_err(failed("note what caches know"))?
            .execute(
                NOTE_TOLD,
                &[
                    &state.key.org_id,
                    &state.key.document_id,
                    &state.seen,
                    &(system_identifier as i64),
                ],
            )
            .await
            .map_err(failed("note what caches know"))?;
        Ok(())
    }

    /// One step of a look through all pages, if it is time for one.
    async fn look_on(&self, look: &mut Look) -> Result<()> {
        let is_unheard = *self.shared.unheard.borrow() > look.began();
        let is_incomplete = look.is_over() && self.noted().take_incomplete();
        let Some(at) = look.next(is_unheard || is_incomplete) else {
            return Ok(());
        };
        let client = self.shared.pool.get().await;
        let client = client.map_err(failed("look through published pages"))?;
        let rows = client
            .query(PUBLICATION_PAGE, &[&at.org_id, &at.document_id, &PAGE])
            .await
            .map_err(failed("look through published pages"))?;
        let now = Instant::now();
        for row in rows.iter().filter(|row| row.get("is_untold")) {
            self.noted().note(DocKey::of(row), None, now);
        }
        look.passed(&rows, PAGE);
        Ok(())
    }

    async fn states(&self, keys: &[DocKey]) -> Result<Vec<State>> {
        let orgs: Vec<Uuid> = keys.iter().map(|key| key.org_id).collect();
        let documents: Vec<Uuid> = keys.iter().map(|key| key.document_id).collect();
        let client = self.shared.pool.get().await;
        let rows = client
            .map_err(failed("read what caches know"))?
            .query(UNTOLD_PUBLICATIONS, &[&orgs, &documents])
            .await
            .map_err(failed("read what caches know"))?;
        let states = rows.iter().map(|row| State {
            key: DocKey::of(row),
            publication_id: row.get("publication_id"),
            seen: row.get("seen"),
            is_untold: row.get("is_untold"),
        });
        Ok(states.collect())
    }
}

/// What the tables say of a document that was published once.
struct State {
    key: DocKey,
    publication_id: Uuid,
    /// The `pg_snapshot` under which this was read.
    seen: String,
    /// Whether the page changed since caches were told.
    is_untold: bool,
}
