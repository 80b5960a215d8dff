//! Whether all servers hold the same of each open document. Now and then a server puts a probe into
//! the log; every server says which version it held exactly there, and all compare these answers as
//! they come out of the log. A difference is logged, counted, noted and mended from the rows.

mod message;
mod table;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_postgres::Client;
use uuid::Uuid;

pub use self::message::Message;
use self::table::{Difference, Table};
use crate::change::Lsn;
use crate::document::trial::DocKey;
use crate::error::Result;
use crate::fanout::{Answer, Digest, Fanout};
use crate::feed::message::emit;
use crate::metrics::{self, Counter, Metric};
use crate::postgres::{Pool, failed};

/// How often a server asks, if a document of its own has changed since all were asked.
const EVERY: Duration = Duration::from_secs(5);
/// Documents in one probe; the others come next time.
const DOCUMENTS: usize = 256;
/// Answers within this time go into one message.
const TOGETHER: Duration = Duration::from_millis(100);
/// Answers and findings that wait to be written. What comes when it is full is let go: the document
/// is asked about again when it has changed.
const WAITING: usize = 1_024;

const ADD_DIVERGENCE: &str = include_str!("../../sql/add_divergence.sql");
const DROP_OLD_DIVERGENCES: &str = include_str!("../../sql/drop_old_divergences.sql");

static COMPARED: Counter = Counter::new(
    "quire_documents_compared_total",
    "Documents of which this server held the same version as another, at one position of the log.",
);
static DIVERGED: Counter = Counter::new(
    "quire_documents_diverged_total",
    "Documents of which this server held another version than another, at one position of the log: there should be none.",
);
static METRICS: &[&dyn Metric] = &[&COMPARED, &DIVERGED];

/// The watch of one server. Cheap to clone.
#[derive(Clone)]
pub struct Convergence {
    shared: Arc<Shared>,
}

struct Shared {
    pool: Pool,
    fanout: Fanout,
    server_id: Uuid,
    address: String,
    table: Mutex<Table>,
    /// Whether nothing from before the feed's slot can be missing in a room.
    is_settled: AtomicBool,
    answers: mpsc::Sender<Answer>,
    found: mpsc::Sender<Difference>,
}

/// What waits to be written; [`Convergence::run`] writes it.
pub struct Waiting {
    answers: mpsc::Receiver<Answer>,
    found: mpsc::Receiver<Difference>,
}

impl Convergence {
    /// The watch of the server that calls itself `server_id` and is reached at `address`.
    pub fn new(pool: Pool, fanout: Fanout, server_id: Uuid, address: String) -> (Self, Waiting) {
        metrics::register(METRICS);
        let (answers, answers_waiting) = mpsc::channel(WAITING);
        let (found, found_waiting) = mpsc::channel(WAITING);
        let shared = Shared {
            pool,
            fanout,
            server_id,
            address,
            table: Mutex::default(),
            is_settled: AtomicBool::new(false),
            answers,
            found,
        };
        let waiting = Waiting {
            answers: answers_waiting,
            found: found_waiting,
        };
        let shared = Arc::new(shared);
        (Self { shared }, waiting)
    }

    /// The feed has begun anew or was lost: rooms may lack what was not streamed.
    pub fn unsettled(&self, log_changed: bool) {
        self.shared.is_settled.store(false, Ordering::Relaxed);
        if log_changed {
            self.table().clear();
        }
    }

    /// Every room has been told to read what it may lack.
    pub fn settled(&self) {
        self.shared.is_settled.store(true, Ordering::Relaxed);
    }

    /// A message of the log, of a transaction that ended at `position` and whose changes the rooms
    /// have been given, like those of all transactions before. Answers whether it was one of ours.
    pub async fn receive(&self, bytes: &Bytes, position: Lsn) -> bool {
        match Message::decode(bytes.clone()) {
            Some(Message::Probe {
                probe_id,
                documents,
            }) => {
                self.table().probe(probe_id, position);
                if self.shared.is_settled.load(Ordering::Relaxed) {
                    let fanout = &self.shared.fanout;
                    let answers = &self.shared.answers;
                    fanout
                        .compare(probe_id, position, &documents, answers)
                        .await;
                }
                true
            }
            Some(Message::Answers {
                probe_id,
                server_id,
                address,
                digests,
            }) => {
                let (differences, agreed) =
                    self.table()
                        .answers(probe_id, &address, &digests, position, Instant::now());
                let is_own = server_id == self.shared.server_id;
                if is_own {
                    COMPARED.add(agreed);
                }
                for difference in differences {
                    self.differs(difference, is_own).await;
                }
                true
            }
            None => false,
        }
    }

    /// Every server comes here; the one whose answer showed it says so.
    async fn differs(&self, difference: Difference, is_own: bool) {
        let document = difference.document;
        if is_own {
            DIVERGED.increment();
            tracing::error!(
                org_id = %document.org_id,
                document_id = %document.document_id,
                position = %difference.position,
                servers = difference.servers.join(" "),
                rebuild = difference.rebuild,
                "two servers held different versions of a document at one position of the log"
            );
        }
        let rebuild = difference.rebuild;
        if is_own && self.shared.found.try_send(difference).is_err() {
            tracing::warn!(document_id = %document.document_id, "too many differences to note them all");
        }
        if rebuild {
            self.shared.fanout.rebuild_from_edits(document).await;
        }
    }

    /// Writes probes and answers into the log, and findings into their table, until `stop` completes.
    pub async fn run(self, mut waiting: Waiting, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = None;
        loop {
            let done = tokio::select! {
                biased;
                () = &mut stop => return,
                Some(difference) = waiting.found.recv() => self.note(&difference).await,
                Some(answer) = waiting.answers.recv() => {
                    self.answer(answer, &mut waiting.answers).await
                }
                _ = tick.tick() => self.probe(&mut last).await,
            };
            if let Err(error) = done {
                // What was to be said is let go; a difference that lasts is found later.
                tracing::warn!(%error, "compare documents with other servers; later");
            }
        }
    }

    /// Asks about documents that have changed since all were asked; `last` is where it stopped.
    async fn probe(&self, last: &mut Option<DocKey>) -> Result<()> {
        let documents = self.shared.fanout.uncompared(*last, DOCUMENTS);
        *last = documents.last().copied();
        if documents.is_empty() {
            return Ok(());
        }
        let probe_id = Uuid::new_v4();
        self.emit(Message::Probe {
            probe_id,
            documents,
        })
        .await
    }

    /// Writes one answer and those that come right after it.
    async fn answer(&self, first: Answer, others: &mut mpsc::Receiver<Answer>) -> Result<()> {
        tokio::time::sleep(TOGETHER).await;
        let mut answers = vec![first];
        while answers.len() < DOCUMENTS
            && let Ok(answer) = others.try_recv()
        {
            answers.push(answer);
        }
        answers.sort_by_key(|answer| answer.probe_id);
        for same in answers.chunk_by(|a, b| a.probe_id == b.probe_id) {
            let digests: Vec<(DocKey, Digest)> =
                same.iter().map(|a| (a.document, a.digest)).collect();
            self.emit(Message::Answers {
                probe_id: same[0].probe_id,
                server_id: self.shared.server_id,
                address: self.shared.address.clone(),
                digests,
            })
            .await?;
        }
        Ok(())
    }

    async fn emit(&self, message: Message) -> Result<()> {
        let client = self.shared.pool.get().await;
        let client = client.map_err(failed("compare documents"))?;
        emit(&client, &message.encode()).await
    }

    /// For `quire doctor`.
    async fn note(&self, difference: &Difference) -> Result<()> {
        let context = "note a difference";
        let client = self.shared.pool.get().await.map_err(failed(context))?;
        let Difference {
            document,
            position,
            servers,
            rebuild,
        } = difference;
        client
            .execute(
                ADD_DIVERGENCE,
                &[
                    &document.org_id,
                    &document.document_id,
                    &(position.0 as i64),
                    &servers.as_slice(),
                    rebuild,
                ],
            )
            .await
            .map_err(failed(context))?;
        Ok(())
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.shared
            .table
            .lock()
            .expect("no code panics while it holds the table")
    }
}

/// Forgets what was found long ago.
///
/// # Errors
/// `Unavailable` when the database cannot be asked.
pub async fn drop_old_divergences(client: &Client) -> Result<()> {
    client
        .execute(DROP_OLD_DIVERGENCES, &[])
        .await
        .map_err(failed("drop old divergences"))?;
    Ok(())
}
