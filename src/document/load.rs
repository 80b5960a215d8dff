//! A document out of its rows: the newest snapshot, and every edit that the snapshot may not hold.
//! Opening never writes, and what cannot be read refuses: nobody is shown an empty document instead.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use futures_util::TryStreamExt;
use loro::VersionVector;
use tokio_postgres::IsolationLevel;
use uuid::Uuid;

use super::live::{LiveDocument, update_ends, update_meta};
use super::trial::DocKey;
use crate::change::Lsn;
use crate::error::{Error, Kind, Result};
use crate::metrics::{Counter, Metric};
use crate::postgres::{Pool, PoolClient, failed};
use crate::traces;

const LOAD_SNAPSHOT: &str = include_str!("../../sql/load_snapshot.sql");
const LOAD_EDITS: &str = include_str!("../../sql/load_edits.sql");
const REMOVE_SNAPSHOT: &str = include_str!("../../sql/remove_snapshot.sql");
const READ_POSITION: &str = include_str!("../../sql/read_position.sql");

static SET_ASIDE: Counter = Counter::new(
    "quire_edits_set_aside_total",
    "Rows that Loro could not apply when a document was loaded or updated; each is logged.",
);

/// What this module counts.
pub static METRICS: &[&dyn Metric] = &[&SET_ASIDE];

/// Under which snapshot of the tables something was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The `pg_snapshot`, as Postgres writes it: `xmin:xmax:xip,…`.
    pub seen: String,
    /// What was seen had been committed before this place in the log.
    pub reaches: Lsn,
}

impl Position {
    /// Every transaction below this one was over when it was read; decimal, 64 bits.
    pub fn xmin(&self) -> &str {
        self.seen.split(':').next().unwrap_or("0")
    }
}

/// The row of a tail that stands for all edits that are folded (`quire.fold`).
pub const FOLDED: i64 = -1;

/// One row of a document's tail.
#[derive(Debug, Clone)]
pub struct TailEdit {
    pub edit_id: i64,
    pub update: Bytes,
    pub peer: u64,
    /// Its author.
    pub account_id: Uuid,
}

/// A document as it stood in the tables.
pub struct Loaded {
    pub live: LiveDocument,
    pub position: Position,
    /// Length of the stored snapshot in bytes; 0: there is none.
    pub snapshot_bytes: usize,
    /// Edits applied on top of it, and their bytes.
    pub tail_edits: usize,
    pub tail_bytes: usize,
    /// Whether an edit builds on what these rows do not have: it is there, but not part of the
    /// document yet.
    pub hangs: bool,
    /// Whose the peers of the tail are.
    pub authors: HashMap<u64, Uuid>,
}

/// Reads a document in one REPEATABLE READ transaction. Rows in `set_aside` are left out, and rows
/// that Loro cannot apply are added to it: every server leaves out the same ones.
///
/// # Errors
/// `Internal` when the document has no rows, or none that can be read;
/// `Unavailable` when the database cannot be asked.
pub async fn load(
    pool: &Pool,
    document: DocKey,
    system_identifier: u64,
    set_aside: &mut BTreeSet<i64>,
) -> Result<Loaded> {
    let mut span = traces::part("load document");
    let (mut stored, source) = read(pool, document, system_identifier).await?;
    if let Some(span) = &mut span {
        span.set("quire.document_id", document.document_id);
        span.set("quire.read_from", source);
        span.set("quire.rows", stored.tail.len());
        span.set("quire.snapshot_bytes", stored.snapshot.len());
    }
    loop {
        match tokio::task::block_in_place(|| assemble(&stored, set_aside)) {
            Ok((live, hangs)) => {
                return Ok(Loaded {
                    live,
                    hangs,
                    authors: authors(&stored.tail).collect(),
                    snapshot_bytes: stored.snapshot.len(),
                    tail_edits: stored.tail.len(),
                    tail_bytes: stored.tail.iter().map(|edit| edit.update.len()).sum(),
                    position: stored.position,
                });
            }
            Err(Unfit::Edit(edit_id)) => put_aside(document, edit_id, set_aside),
            Err(Unfit::Snapshot(error)) => {
                // A snapshot is derived: without it the rows alone give the document.
                tracing::error!(document_id = %document.document_id, %error, "load document: its snapshot cannot be read; it is rebuilt from its edits");
                stored = read_all(pool, document).await?;
            }
            Err(Unfit::Whole(error)) => return Err(error),
        }
    }
}

/// Removes the stored snapshot, which is derived: the document is then read from its edits alone.
///
/// # Errors
/// `Unavailable` when the database cannot be asked.
pub async fn remove_snapshot(pool: &Pool, document: DocKey) -> Result<()> {
    let client = pool.get().await.map_err(failed("remove snapshot"))?;
    client
        .execute(REMOVE_SNAPSHOT, &[&document.org_id, &document.document_id])
        .await
        .map_err(failed("remove snapshot"))?;
    Ok(())
}

/// Says so and remembers an edit that Loro could not apply.
pub fn put_aside(document: DocKey, edit_id: i64, set_aside: &mut BTreeSet<i64>) {
    SET_ASIDE.increment();
    tracing::error!(document_id = %document.document_id, edit_id, "apply edit: Loro cannot; the row is set aside on every server");
    set_aside.insert(edit_id);
}

/// The edits that a reader at `from_xmin` may not have seen, and the position of this reading.
///
/// # Errors
/// `Unavailable` when the database cannot be asked.
pub async fn read_tail(
    pool: &Pool,
    document: DocKey,
    from_xmin: &str,
) -> Result<(Vec<TailEdit>, Position)> {
    let era = pool.lineage().era();
    let mut client = pool.get().await.map_err(failed("read tail"))?;
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(failed("read tail"))?;
    let tail = edits(&transaction, document, from_xmin).await?;
    let position = position(&transaction).await?;
    pool.lineage().note_reached(era, position.reaches);
    Ok((tail, position))
}

struct Stored {
    snapshot: Bytes,
    tail: Vec<TailEdit>,
    position: Position,
}

/// Reads the rows from a standby that has them all, where there is one, else from the primary, and says
/// which.
async fn read(
    pool: &Pool,
    document: DocKey,
    system_identifier: u64,
) -> Result<(Stored, &'static str)> {
    let mut reader = pool.reader().await?;
    let source = match reader.is_standby() {
        true => "standby",
        false => "primary",
    };
    match read_from(&mut reader.client, pool, document, system_identifier).await {
        Err(error) if reader.is_to_blame(&error) => {
            drop(reader);
            let mut client = pool.get().await.map_err(failed("load document"))?;
            let stored = read_from(&mut client, pool, document, system_identifier).await?;
            Ok((stored, "primary"))
        }
        read => Ok((read?, source)),
    }
}

async fn read_from(
    client: &mut PoolClient,
    pool: &Pool,
    document: DocKey,
    system_identifier: u64,
) -> Result<Stored> {
    let era = pool.lineage().era();
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(failed("load document"))?;
    let statement = transaction
        .prepare_cached(LOAD_SNAPSHOT)
        .await
        .map_err(failed("load snapshot"))?;
    let row = transaction
        .query_opt(
            &statement,
            &[
                &document.org_id,
                &document.document_id,
                &(system_identifier as i64),
            ],
        )
        .await
        .map_err(failed("load snapshot"))?;
    let (from_xmin, snapshot) = match row {
        Some(row) => (row.get(0), row.get::<_, Vec<u8>>(1)),
        None => ("0".to_owned(), Vec::new()),
    };
    let tail = edits(&transaction, document, &from_xmin).await?;
    let position = position(&transaction).await?;
    pool.lineage().note_reached(era, position.reaches);
    if snapshot.is_empty() && tail.is_empty() {
        // A document begins with its seed, so its rows are lost; whoever has it keeps it.
        return Err(Error::new(Kind::Internal, "the document has no edits"));
    }
    Ok(Stored {
        snapshot: snapshot.into(),
        tail,
        position,
    })
}

async fn read_all(pool: &Pool, document: DocKey) -> Result<Stored> {
    let (tail, position) = read_tail(pool, document, "0").await?;
    if tail.is_empty() {
        return Err(Error::new(
            Kind::Internal,
            "the document has a snapshot that cannot be read, and no edits",
        ));
    }
    Ok(Stored {
        snapshot: Bytes::new(),
        tail,
        position,
    })
}

type Transaction<'a> = deadpool_postgres::Transaction<'a>;

async fn edits(
    transaction: &Transaction<'_>,
    document: DocKey,
    from_xmin: &str,
) -> Result<Vec<TailEdit>> {
    let statement = transaction
        .prepare_cached(LOAD_EDITS)
        .await
        .map_err(failed("load edits"))?;
    let (org_id, document_id) = (document.org_id, document.document_id);
    let rows = transaction
        .query_raw(
            &statement,
            [
                &org_id as &(dyn tokio_postgres::types::ToSql + Sync),
                &document_id,
                &from_xmin,
            ],
        )
        .await
        .map_err(failed("load edits"))?;
    rows.map_ok(|row| TailEdit {
        edit_id: row.get(0),
        update: Bytes::from(row.get::<_, Vec<u8>>(1)),
        peer: row.get::<_, i64>(2) as u64,
        account_id: row.get(3),
    })
    .try_collect()
    .await
    .map_err(failed("load edits"))
}

async fn position(transaction: &Transaction<'_>) -> Result<Position> {
    let statement = transaction
        .prepare_cached(READ_POSITION)
        .await
        .map_err(failed("read position"))?;
    let row = transaction
        .query_one(&statement, &[])
        .await
        .map_err(failed("read position"))?;
    Ok(Position {
        seen: row.get("seen"),
        reaches: Lsn(row.get::<_, i64>("reaches") as u64),
    })
}

enum Unfit {
    Edit(i64),
    Snapshot(Error),
    Whole(Error),
}

fn assemble(stored: &Stored, set_aside: &BTreeSet<i64>) -> Result<(LiveDocument, bool), Unfit> {
    let mut live = if stored.snapshot.is_empty() {
        LiveDocument::empty()
    } else {
        LiveDocument::from_snapshot(&stored.snapshot).map_err(Unfit::Snapshot)?
    };
    let mut pending = false;
    for edit in &stored.tail {
        if set_aside.contains(&edit.edit_id) {
            continue;
        }
        let imported = live
            .import(&edit.update)
            .map_err(|error| match edit.edit_id {
                // Without it the document would be another one, and no server has it otherwise.
                FOLDED => Unfit::Whole(error),
                edit_id => Unfit::Edit(edit_id),
            })?;
        pending |= imported.pending;
    }
    // A transaction's number is not its place in the order, so an edit may come before what it
    // builds on; Loro keeps it until then. What is left over at the end builds on what is not here.
    let version = live.version().map_err(Unfit::Whole)?;
    let hangs = pending && hangs(&version, &stored.tail, set_aside);
    Ok((live, hangs))
}

/// Whether one of these edits is not part of a document of this version.
pub fn hangs(version: &VersionVector, tail: &[TailEdit], set_aside: &BTreeSet<i64>) -> bool {
    let mut counted = tail
        .iter()
        .filter(|edit| !set_aside.contains(&edit.edit_id));
    counted.any(|edit| !is_in(version, edit))
}

/// Whose the peers of these edits are.
pub fn authors(tail: &[TailEdit]) -> impl Iterator<Item = (u64, Uuid)> {
    let edits = tail.iter().filter(|edit| edit.edit_id != FOLDED);
    edits.map(|edit| (edit.peer, edit.account_id))
}

/// Whether a document of this version has the edit.
pub fn is_in(version: &VersionVector, edit: &TailEdit) -> bool {
    if edit.edit_id == FOLDED {
        return update_ends(&edit.update).is_ok_and(|ends| version.includes_vv(&ends));
    }
    update_meta(&edit.update)
        .is_ok_and(|meta| version.get(&meta.peer).copied().unwrap_or(0) >= meta.counter_end)
}
