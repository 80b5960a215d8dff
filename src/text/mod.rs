//! The text of each document as a column, for whoever searches and reads with SQL. Servers hear of
//! edits from the log and write the text some seconds later, from the tables, one document at a time.
//! Nothing waits for it. Each document has its turn among the servers, so that they do not all do it;
//! what none of them heard of is looked for in the tables.

mod noted;
mod searchable;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use loro::VersionVector;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::noted::{Noted, due};
use self::searchable::searchable;
use crate::change::{Change, EventKind, Transaction};
use crate::document::live::decode_version;
use crate::document::load::load;
use crate::document::trial::DocKey;
use crate::error::Result;
use crate::metrics::{self, Counter, Metric};
use crate::postgres::{Pool, failed};
use crate::presence::{Servers, turn};
use crate::rounds::{Look, Rounds, pass_over};
use crate::traces::{self, Span};

const TEXT_STATES: &str = include_str!("../../sql/text_states.sql");
const TEXT_PAGE: &str = include_str!("../../sql/text_page.sql");
const STORE_TEXT: &str = include_str!("../../sql/store_text.sql");
/// One text must not keep the database, or the others, from going on.
const BOUNDS: &str = "set local statement_timeout = '10s'; set local lock_timeout = '2s'";

/// How often is looked what is due.
const EVERY: Duration = Duration::from_secs(1);
/// How long nothing is tried after a failure of the database.
const PAUSE: Duration = Duration::from_secs(5);
/// Documents that are looked up at once.
const AT_ONCE: usize = 64;
/// Documents whose texts are compared with their edits in one look through the tables, a second.
const PAGE: i64 = 200;
/// How often all documents are looked through; also when the feed was away.
const LOOK_THROUGH: Duration = Duration::from_secs(600);
/// After a text is written as much time passes, times this, before the next one is.
const REST: u32 = 4;

static WRITTEN: Counter = Counter::new(
    "quire_texts_written_total",
    "Texts of documents that this server stored for searching and reading with SQL.",
);
static BYTES: Counter = Counter::new(
    "quire_texts_written_bytes_total",
    "Bytes of the texts that this server stored.",
);
static METRICS: &[&dyn Metric] = &[&WRITTEN, &BYTES];

/// The texts of all documents. Cheap to clone.
#[derive(Clone)]
pub struct Texts {
    shared: Arc<Shared>,
}

struct Shared {
    pool: Pool,
    /// Those that live; this one first.
    servers: watch::Receiver<Servers>,
    noted: Mutex<Noted>,
    /// When the feed was last away: what was committed meanwhile is looked for.
    unheard: watch::Sender<Instant>,
}

impl Texts {
    /// Texts written by the first of `servers`. Nothing is noted yet.
    pub fn new(pool: Pool, servers: watch::Receiver<Servers>) -> Self {
        metrics::register(METRICS);
        Self {
            shared: Arc::new(Shared {
                pool,
                servers,
                noted: Mutex::default(),
                unheard: watch::Sender::new(Instant::now()),
            }),
        }
    }

    /// What the log says; costs a look into a map for each edit.
    pub fn hear(&self, transaction: &Transaction) {
        let concerns = |change: &&Change| !matches!(change, Change::Message(_));
        let mut changes = transaction.changes.iter().filter(concerns).peekable();
        if changes.peek().is_none() {
            return;
        }
        let (now, mut noted) = (Instant::now(), self.noted());
        for change in changes {
            match change {
                Change::Edit(edit) => {
                    let key = DocKey {
                        org_id: edit.org_id,
                        document_id: edit.document_id,
                    };
                    let bytes = edit.update.len();
                    noted.note(key, Some((edit.peer, edit.counter_end, bytes)), now);
                }
                Change::Event(event) => {
                    let (Some(org_id), Some(document_id)) = (event.org_id, event.document_id)
                    else {
                        continue;
                    };
                    let key = DocKey {
                        org_id,
                        document_id,
                    };
                    match event.kind {
                        EventKind::DocumentRestored => noted.note(key, None, now),
                        EventKind::DocumentDeleted => noted.forget(&key),
                        _ => {}
                    }
                }
                Change::Message(_) => {}
            }
        }
    }

    /// The log did not tell everything, or may have become another one.
    pub fn look_through(&self) {
        self.shared.unheard.send_replace(Instant::now());
    }

    /// Writes what is due until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut rounds = Rounds::new(EVERY, PAUSE, stop);
        let mut look = Look::new(LOOK_THROUGH);
        while rounds.next().await {
            let round = self.round(&mut look);
            rounds.play("write texts for SQL", round).await;
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
        // The feed waits for nothing but the copying.
        let waiting = self.noted().waiting(now);
        let due = due(waiting, now, |key| turn(&servers, key), AT_ONCE);
        if due.is_empty() {
            return Ok(());
        }
        let stored = self.stored(&due).await?;
        for key in due {
            match stored.iter().find(|stored| stored.key == key) {
                None => self.noted().forget(&key),
                Some(stored) if stored.is_behind => {
                    let written = self.write(key, server.system_identifier).await;
                    if let Err(error) = written {
                        // It keeps its old text; the others go on.
                        self.noted().fail(&key, Instant::now());
                        pass_over(key, "write the text of a document", error)?;
                    }
                }
                // Another server was first.
                Some(stored) => self.noted().settle(&key, &stored.version, Instant::now()),
            }
        }
        Ok(())
    }

    /// One step of a look through all documents, if it is time for one.
    async fn look_on(&self, look: &mut Look) -> Result<()> {
        let is_unheard = *self.shared.unheard.borrow() > look.began();
        let is_incomplete = look.is_over() && self.noted().take_incomplete();
        let Some(at) = look.next(is_unheard || is_incomplete) else {
            return Ok(());
        };
        let client = self.shared.pool.get().await;
        let client = client.map_err(failed("look through texts"))?;
        let rows = client
            .query(TEXT_PAGE, &[&at.org_id, &at.document_id, &PAGE])
            .await
            .map_err(failed("look through texts"))?;
        let now = Instant::now();
        for row in rows.iter().filter(|row| row.get("is_behind")) {
            self.noted().note(DocKey::of(row), None, now);
        }
        look.passed(&rows, PAGE);
        Ok(())
    }

    /// What is stored of these documents; those in the bin have nothing.
    async fn stored(&self, keys: &[DocKey]) -> Result<Vec<Stored>> {
        let orgs: Vec<Uuid> = keys.iter().map(|key| key.org_id).collect();
        let documents: Vec<Uuid> = keys.iter().map(|key| key.document_id).collect();
        let client = self.shared.pool.get().await;
        let rows = client
            .map_err(failed("read texts"))?
            .query(TEXT_STATES, &[&orgs, &documents])
            .await
            .map_err(failed("read texts"))?;
        let stored = rows.iter().map(|row| Stored {
            key: DocKey::of(row),
            is_behind: row.get("is_behind"),
            version: row
                .get::<_, Option<&[u8]>>("version")
                .and_then(|bytes| decode_version(bytes).ok())
                .unwrap_or_default(),
        });
        Ok(stored.collect())
    }

    /// Writes one text, then rests.
    async fn write(&self, key: DocKey, system_identifier: u64) -> Result<()> {
        let began = Instant::now();
        let mut span = traces::root("write text");
        if let Some(span) = &mut span {
            span.set("quire.document_id", key.document_id);
        }
        let pool = &self.shared.pool;
        let era = pool.lineage().era();
        let mut none = BTreeSet::new();
        let load = load(pool, key, system_identifier, &mut none);
        let loaded = traces::within(span.as_ref().map(Span::place), load).await?;
        let live = &loaded.live;
        let text = tokio::task::block_in_place(|| live.text())?.replace('\0', "");
        let (version, version_bytes) = (live.version()?, live.version_bytes()?);
        let searchable = searchable(&text);
        let mut client = pool.get().await.map_err(failed("store text"))?;
        // What was read may be gone from the log that is followed by now.
        if pool.lineage().era() != era {
            return Ok(());
        }
        let transaction = client.transaction().await.map_err(failed("store text"))?;
        transaction
            .batch_execute(BOUNDS)
            .await
            .map_err(failed("store text"))?;
        transaction
            .execute(
                STORE_TEXT,
                &[
                    &key.org_id,
                    &key.document_id,
                    &text,
                    &version_bytes,
                    &loaded.position.seen,
                    &(system_identifier as i64),
                    &searchable,
                ],
            )
            .await
            .map_err(failed("store text"))?;
        transaction.commit().await.map_err(failed("store text"))?;
        drop((client, span));
        WRITTEN.increment();
        BYTES.add(text.len() as u64);
        let now = Instant::now();
        self.noted().settle(&key, &version, now);
        self.noted().rest(key, text.len(), now);
        tokio::time::sleep(began.elapsed() * REST).await;
        Ok(())
    }
}

struct Stored {
    key: DocKey,
    is_behind: bool,
    version: VersionVector,
}
