//! A document's rows out of the tables, and histories that are kept for the next question about them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use deadpool_postgres::GenericClient;
use futures_util::TryStreamExt;
use std::pin::pin;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore};
use tokio_postgres::types::ToSql;

use super::{Budget, FOLDED, History, Row};
use crate::document::trial::DocKey;
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;

/// Heap that all kept histories together may take, in bytes; the one that is asked is kept anyway.
const KEPT_BYTES: usize = 128 * 1024 * 1024;
/// Histories that are read at the same time.
const READERS: usize = 2;

/// The rows of a document from transaction `from_xmin` on (decimal, 64 bits), and the number from
/// which on the next reading has to look: every transaction before it was over. Reading the tables
/// of a standby that way would miss rows.
///
/// # Errors
/// `TooLarge` beyond the limits of `budget`; `Unavailable` when the database cannot be asked.
pub async fn read(
    client: &impl GenericClient,
    document: DocKey,
    from_xmin: &str,
    budget: &Budget,
) -> Result<(Vec<Row>, String)> {
    let context = "load history";
    let xmin: String = client
        .query_one(include_str!("../../../sql/oldest_transaction.sql"), &[])
        .await
        .map_err(failed(context))?
        .get("xmin");
    let most = i64::try_from(budget.limits().rows).map_or(i64::MAX, |rows| rows.saturating_add(1));
    let statement = client
        .prepare_cached(include_str!("../../../sql/load_history.sql"))
        .await
        .map_err(failed(context))?;
    let (org_id, document_id) = (document.org_id, document.document_id);
    let parameters: [&(dyn ToSql + Sync); 4] = [&org_id, &document_id, &from_xmin, &most];
    let stream = client
        .query_raw(&statement, parameters)
        .await
        .map_err(failed(context))?;
    let mut stream = pin!(stream);
    let mut rows: Vec<Row> = Vec::new();
    let mut bytes = 0;
    while let Some(row) = stream.try_next().await.map_err(failed(context))? {
        let row = Row {
            edit_id: row.get("edit_id"),
            account_id: row.get("account_id"),
            session_id: row.get("session_id"),
            // Postgres keeps the 64 bits as a signed number.
            peer: row.get::<_, i64>("peer_id") as u64,
            counter_start: row.get("counter_start"),
            counter_end: row.get("counter_end"),
            created_us: row.get("created_us"),
            update: Bytes::from(row.get::<_, Vec<u8>>("update")),
        };
        bytes += row.update.len();
        rows.push(row);
        budget.allows(rows.len(), bytes)?;
    }
    Ok((rows, xmin))
}

/// A history that is kept, and up to where it was read.
#[derive(Debug)]
pub struct Kept {
    history: Option<History>,
    xmin: String,
    /// The log that it was read from.
    era: u64,
}

/// Histories that were asked for last.
#[derive(Debug)]
pub struct Histories {
    kept: Mutex<VecDeque<(DocKey, Arc<AsyncMutex<Kept>>)>>,
    readers: Semaphore,
}

/// A history that is being asked; others who ask for the same document wait.
pub struct Opened(OwnedMutexGuard<Kept>);

impl std::ops::Deref for Opened {
    type Target = History;

    fn deref(&self) -> &History {
        let history = self.0.history.as_ref();
        history.expect("it is opened only when it was read")
    }
}

impl Default for Histories {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            readers: Semaphore::new(READERS),
        }
    }
}

impl Histories {
    /// The history of a document with all that is committed now. `client` decides what is seen: its
    /// role, its transaction. `era` names the log that it reads.
    ///
    /// # Errors
    /// As [`read`] and [`History::of`].
    pub async fn open(
        &self,
        client: &impl GenericClient,
        document: DocKey,
        era: u64,
        budget: &Budget,
    ) -> Result<Opened> {
        let kept = self.place_of(document);
        let mut kept = kept.lock_owned().await;
        let closed = |_| Error::new(Kind::Internal, "histories are never closed");
        let reader = self.readers.acquire().await.map_err(closed)?;
        if kept.era != era {
            *kept = Kept::nothing(era);
        }
        let (mut rows, mut xmin) = read(client, document, &kept.xmin, budget).await?;
        // Folded since: what is kept here has what shall be forgotten.
        if kept.history.is_some() && rows.iter().any(|row| row.edit_id == FOLDED) {
            *kept = Kept::nothing(era);
            (rows, xmin) = read(client, document, &kept.xmin, budget).await?;
        }
        let built = tokio::task::block_in_place(|| match &mut kept.history {
            Some(history) => history.extend(&rows, budget),
            none => History::of(&rows, budget).map(|history| *none = Some(history)),
        });
        drop(reader);
        if let Err(error) = built {
            // What was half read is not asked again.
            *kept = Kept::nothing(era);
            return Err(error);
        }
        kept.xmin = xmin;
        self.make_room(
            document,
            kept.history.as_ref().map_or(0, History::heap_bytes),
        );
        Ok(Opened(kept))
    }

    /// The place for a document; it counts as asked last.
    fn place_of(&self, document: DocKey) -> Arc<AsyncMutex<Kept>> {
        let mut all = self.kept.lock().expect("nothing panics with it");
        let known = all.iter().position(|(key, _)| *key == document);
        let place = match known.and_then(|place| all.remove(place)) {
            Some((_, place)) => place,
            None => Arc::new(AsyncMutex::new(Kept::nothing(0))),
        };
        all.push_front((document, place.clone()));
        place
    }

    /// Forgets those that were asked longest ago. One that is being asked counts as small: it is
    /// looked at when the next one comes.
    fn make_room(&self, document: DocKey, bytes: usize) {
        let mut all = self.kept.lock().expect("nothing panics with it");
        let mut total = bytes;
        all.retain(|(key, place)| {
            if *key == document {
                return true;
            }
            if let Ok(kept) = place.try_lock() {
                total += kept.history.as_ref().map_or(0, History::heap_bytes);
            }
            total <= KEPT_BYTES
        });
    }
}

impl Kept {
    fn nothing(era: u64) -> Self {
        Self {
            history: None,
            xmin: "0".to_owned(),
            era,
        }
    }
}
