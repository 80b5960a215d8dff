//! Folding one document: read, made and proved apart from everybody, then stored with the first rows deleted
//! in one transaction, and the other rows in small ones. Whatever ends in between, nothing is lost: what is
//! folded may still stand as rows, and is the same.

use std::time::Duration;

use tokio_postgres::IsolationLevel;

use super::folding::{Folding, OldEdit};
use crate::document::trial::DocKey;
use crate::error::{Error, Kind, Result};
use crate::metrics::{Counter, Metric};
use crate::postgres::{Pool, failed};
use crate::traces;

/// Rows of a document that are looked at, the first ones; what is left is folded the next time.
const READ_ROWS: i64 = 100_000;
/// Rows that one transaction deletes.
const STEP_ROWS: usize = 1_000;
/// After each step so much of the time that it took passes: others come first.
const REST: u32 = 2;

static FOLDED: Counter = Counter::new(
    "quire_edits_folded_total",
    "Rows of old edits that this server folded, because their organisation keeps history for some time only.",
);
static REFUSED: Counter = Counter::new(
    "quire_folds_refused_total",
    "Folds that were not the same document as before; nothing was deleted, and the doctor names the document.",
);

/// What this module counts.
pub(super) static METRICS: &[&dyn Metric] = &[&FOLDED, &REFUSED];

/// What became of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// So many rows are folded.
    Folded(usize),
    /// No row is old, or none can be folded now.
    Nothing,
    /// Another server is at it, or was faster.
    Taken,
    /// The fold was not the same document; all stays as it was.
    Refused,
}

/// What was read of a document.
struct Stored {
    /// The transaction that made its fold.
    xid: Option<String>,
    fold: Option<Vec<u8>>,
    edits: Vec<OldEdit>,
    era: u64,
}

/// Folds the old edits of a document, if its organisation says that they are.
///
/// # Errors
/// `Unavailable` when the database cannot be asked; then some rows may be folded, and the others later.
pub async fn fold_document(pool: &Pool, document: DocKey) -> Result<Outcome> {
    let mut span = traces::root("fold edits");
    let folded = fold(pool, document).await;
    if let Some(span) = &mut span {
        span.set("quire.document_id", document.document_id);
        match &folded {
            Ok(Outcome::Folded(rows)) => span.set("quire.rows", *rows),
            Ok(Outcome::Refused) | Err(_) => span.fail(),
            Ok(Outcome::Nothing | Outcome::Taken) => {}
        }
    }
    folded
}

async fn fold(pool: &Pool, document: DocKey) -> Result<Outcome> {
    let stored = read(pool, document).await?;
    let made = tokio::task::block_in_place(|| {
        let made = Folding::of(stored.fold.as_deref(), &stored.edits)?;
        if let Some(folding) = &made {
            folding.verify(stored.fold.as_deref(), &stored.edits)?;
        }
        Ok(made)
    });
    let folding = match made {
        Ok(Some(folding)) => folding,
        Ok(None) => return Ok(Outcome::Nothing),
        Err(error) => {
            refuse(pool, document, &error).await?;
            return Ok(Outcome::Refused);
        }
    };
    let began = tokio::time::Instant::now();
    let (first, rest) = folding.rows.split_at(folding.rows.len().min(STEP_ROWS));
    let Some(xid) = store(pool, document, &stored, &folding, first).await? else {
        return Ok(Outcome::Taken);
    };
    let mut folded = first.len();
    FOLDED.add(folded as u64);
    let mut took = began.elapsed();
    for rows in rest.chunks(STEP_ROWS) {
        tokio::time::sleep(took.min(Duration::from_secs(1)) * REST).await;
        let began = tokio::time::Instant::now();
        let client = pool.get().await.map_err(failed("delete folded edits"))?;
        if pool.lineage().era() != stored.era {
            return Ok(Outcome::Folded(folded));
        }
        let removed = remove(&client, document, &stored.edits, rows, &xid).await?;
        FOLDED.add(removed as u64);
        folded += removed;
        took = began.elapsed();
    }
    Ok(Outcome::Folded(folded))
}

async fn read(pool: &Pool, document: DocKey) -> Result<Stored> {
    let context = "read old edits";
    let era = pool.lineage().era();
    let mut client = pool.get().await.map_err(failed(context))?;
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(failed(context))?;
    let (org_id, document_id) = (&document.org_id, &document.document_id);
    let fold = transaction
        .query_opt(
            include_str!("../../sql/load_fold.sql"),
            &[org_id, document_id],
        )
        .await
        .map_err(failed(context))?;
    let rows = transaction
        .query(
            include_str!("../../sql/old_edits.sql"),
            &[org_id, document_id, &READ_ROWS],
        )
        .await
        .map_err(failed(context))?;
    let edits = rows.iter().map(|row| {
        let xid: String = row.get("xid");
        Ok(OldEdit {
            xid: xid
                .parse()
                .map_err(|e| Error::caused(Kind::Internal, context, e))?,
            edit_id: row.get("edit_id"),
            // Postgres keeps the 64 bits as a signed number.
            peer: row.get::<_, i64>("peer_id") as u64,
            counter_end: row.get("counter_end"),
            created_us: row.get("created_us"),
            update: row.get("update"),
            is_old: row.get("is_old"),
        })
    });
    Ok(Stored {
        xid: fold.as_ref().map(|row| row.get("xid")),
        fold: fold.as_ref().map(|row| row.get("update")),
        edits: edits.collect::<Result<_>>()?,
        era,
    })
}

/// Stores the fold and deletes its first rows, both or nothing. Answers the transaction's number; `None`:
/// somebody else was at it.
async fn store(
    pool: &Pool,
    document: DocKey,
    stored: &Stored,
    folding: &Folding,
    first: &[usize],
) -> Result<Option<String>> {
    let context = "store a fold";
    let mut client = pool.get().await.map_err(failed(context))?;
    // Asked when the connection is there: it leads to the log of this era, or to the one before.
    if pool.lineage().era() != stored.era {
        return Ok(None);
    }
    let transaction = client.transaction().await.map_err(failed(context))?;
    let (org_id, document_id) = (&document.org_id, &document.document_id);
    let held = transaction
        .query_one(
            include_str!("../../sql/hold_fold.sql"),
            &[&org_id.to_string(), &document_id.to_string()],
        )
        .await
        .map_err(failed(context))?;
    if !held.get::<_, bool>("is_held") {
        return Ok(None);
    }
    let folded = || folding.rows.iter().map(|row| &stored.edits[*row]);
    let through = folded().map(|edit| edit.xid).max().unwrap_or(0).to_string();
    let through_us = folded().map(|edit| edit.created_us).max().unwrap_or(0);
    let (peers, counters): (Vec<i64>, Vec<i32>) = folding
        .version
        .iter()
        .map(|(peer, counter)| (*peer as i64, *counter))
        .unzip();
    let row = transaction
        .query_opt(
            include_str!("../../sql/store_fold.sql"),
            &[
                org_id,
                document_id,
                &through,
                &through_us,
                &peers,
                &counters,
                &folding.update,
                &stored.xid,
            ],
        )
        .await
        .map_err(failed(context))?;
    let Some(row) = row else { return Ok(None) };
    let xid: String = row.get("xid");
    let removed = remove(&transaction, document, &stored.edits, first, &xid).await?;
    // Rows that were read are gone (somebody else folded, or the log is another one), or the organisation has
    // begun to move.
    if removed != first.len() {
        return Ok(None);
    }
    transaction
        .execute(
            include_str!("../../sql/forget_fold_refusal.sql"),
            &[org_id, document_id],
        )
        .await
        .map_err(failed(context))?;
    transaction.commit().await.map_err(failed(context))?;
    Ok(Some(xid))
}

/// Deletes rows whose operations the fold of that transaction has; answers how many.
async fn remove(
    client: &impl deadpool_postgres::GenericClient,
    document: DocKey,
    edits: &[OldEdit],
    rows: &[usize],
    fold_xid: &str,
) -> Result<usize> {
    let xids: Vec<String> = rows.iter().map(|row| edits[*row].xid.to_string()).collect();
    let ids: Vec<i64> = rows.iter().map(|row| edits[*row].edit_id).collect();
    let row = client
        .query_opt(
            include_str!("../../sql/remove_folded_edits.sql"),
            &[
                &document.org_id,
                &document.document_id,
                &xids,
                &ids,
                &fold_xid,
            ],
        )
        .await
        .map_err(failed("delete folded edits"))?;
    Ok(row.map_or(0, |row| row.get::<_, i64>("edits") as usize))
}

async fn refuse(pool: &Pool, document: DocKey, error: &Error) -> Result<()> {
    REFUSED.increment();
    tracing::error!(document_id = %document.document_id, %error, "fold old edits: it would not be the same document; they stay");
    let client = pool
        .get()
        .await
        .map_err(failed("note a fold that was refused"))?;
    client
        .execute(
            include_str!("../../sql/refuse_fold.sql"),
            &[&document.org_id, &document.document_id, &error.to_string()],
        )
        .await
        .map_err(failed("note a fold that was refused"))?;
    Ok(())
}
