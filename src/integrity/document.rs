//! One document: built of its rows alone, and what is stored of it compared with that.

use std::collections::{BTreeMap, BTreeSet};

use deadpool_postgres::Transaction;
use futures_util::{TryStreamExt, pin_mut};
use loro::{ExportMode, LoroDoc, LoroValue, VersionVector};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::peers::Peers;
use super::{Finding, Report};
use crate::document::live::{LiveDocument, decode_version, update_meta};
use crate::document::trial::DocKey;
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;

const VERIFY_DOCUMENT: &str = include_str!("../../sql/verify_document.sql");
const VERIFY_FOLD: &str = include_str!("../../sql/verify_fold.sql");
const VERIFY_EDITS: &str = include_str!("../../sql/verify_edits.sql");
const VERIFY_PEERS: &str = include_str!("../../sql/verify_peers.sql");

/// Looks at one document in a transaction that sees all of it at one moment.
pub(super) async fn verify(
    transaction: &Transaction<'_>,
    key: DocKey,
    report: &mut Report,
) -> Result<()> {
    let stored = row(transaction, VERIFY_DOCUMENT, key).await?;
    let mut built = Built::default();
    // A panic of Loro spoils the copy, so then it is built once more without the row that did it.
    while !build(transaction, key, &stored, &mut built).await? {}
    let Built {
        edits,
        findings,
        set_aside,
        ..
    } = &built;
    report.edits += edits;
    if !stored.get::<_, bool>("is_there") {
        let others = [("has_peers", ", peers"), ("has_snapshot", ", a snapshot")];
        let others = others.map(|(column, name)| if stored.get(column) { name } else { "" });
        report
            .findings
            .push(Finding::no_document(key, *edits, &others.concat()));
        return Ok(());
    }
    report.documents += 1;
    report.findings.extend(findings.iter().cloned());
    if *edits == 0 && !built.has_fold {
        report.findings.push(Finding::no_edits(key));
        return Ok(());
    }
    let rows = peer_rows(transaction, key).await?;
    report.findings.extend(built.peers.findings(key, &rows));
    let Some(live) = &built.live else {
        return Ok(());
    };
    tokio::task::block_in_place(|| {
        // What builds on an unreadable row hangs for that reason alone, which was told.
        if set_aside.is_empty() {
            let hanging = built.peers.hanging(key, &live.version()?);
            report.findings.extend(hanging);
        }
        let snapshot = compare_snapshot(&built, &stored, live)?;
        report
            .findings
            .extend(snapshot.map(|says| Finding::snapshot(key, says)));
        let text = compare_text(&built, &stored, live)?;
        report
            .findings
            .extend(text.map(|says| Finding::text(key, says)));
        Ok(())
    })
}

/// A document out of its rows, and beside it the one that a server would make of its snapshot.
#[derive(Default)]
struct Built {
    live: Option<LiveDocument>,
    of_snapshot: Option<Result<LiveDocument>>,
    /// The operations of older edits stand in one row.
    has_fold: bool,
    edits: u64,
    peers: Peers,
    /// What the fold has of each peer.
    folded: VersionVector,
    /// What the stored text claims to have.
    of_text: VersionVector,
    set_aside: BTreeSet<i64>,
    findings: Vec<Finding>,
}

impl Built {
    /// Begins with the fold.
    fn take_fold(
        &mut self,
        fold: &Row,
        live: &mut LiveDocument,
        of_snapshot: &mut Option<Result<LiveDocument>>,
        key: DocKey,
    ) {
        self.has_fold = true;
        let peers: Vec<i64> = fold.get("peers");
        let counters: Vec<i32> = fold.get("counters");
        for (peer, counter) in peers.into_iter().zip(counters) {
            self.folded.insert(peer as u64, counter);
            self.peers.note(peer as u64, 0..counter);
        }
        if fold.get("is_in_text") {
            self.of_text.merge(&self.folded);
        }
        let update: &[u8] = fold.get("update");
        tokio::task::block_in_place(|| {
            let imported = live.import(update);
            let is_as_it_says = || live.version().is_ok_and(|version| version == self.folded);
            if imported.is_err() || !is_as_it_says() {
                let finding = Finding::fold(key);
                if !self.findings.contains(&finding) {
                    self.findings.push(finding);
                }
            }
            if fold.get("is_later")
                && let Some(Ok(document)) = of_snapshot
                && let Err(error) = document.import(update)
            {
                *of_snapshot = Some(Err(error));
            }
        });
    }
}

async fn fold(transaction: &Transaction<'_>, key: DocKey) -> Result<Option<Row>> {
    let fold = transaction
        .query_opt(VERIFY_FOLD, &[&key.org_id, &key.document_id])
        .await;
    fold.map_err(failed("read what older edits did"))
}

/// Reads all rows, one after another; says whether they could be applied to the end.
async fn build(
    transaction: &Transaction<'_>,
    key: DocKey,
    stored: &Row,
    built: &mut Built,
) -> Result<bool> {
    let mut live = LiveDocument::empty();
    let snapshot: Option<&[u8]> = stored.get("snapshot");
    let mut of_snapshot = snapshot.map(LiveDocument::from_snapshot);
    let mut again = Built {
        set_aside: std::mem::take(&mut built.set_aside),
        findings: std::mem::take(&mut built.findings),
        ..Built::default()
    };
    if let Some(fold) = fold(transaction, key).await? {
        again.take_fold(&fold, &mut live, &mut of_snapshot, key);
    }
    let doing = "read edits";
    let statement = transaction.prepare_cached(VERIFY_EDITS).await;
    let parameters: [&(dyn ToSql + Sync); 2] = [&key.org_id, &key.document_id];
    let rows = transaction
        .query_raw(&statement.map_err(failed(doing))?, parameters)
        .await
        .map_err(failed(doing))?;
    pin_mut!(rows);
    while let Some(row) = rows.try_next().await.map_err(failed(doing))? {
        again.edits += 1;
        let edit_id: i64 = row.get("edit_id");
        let update: &[u8] = row.get("update");
        let peer = row.get::<_, i64>("peer_id") as u64;
        let counters = row.get("counter_start")..row.get("counter_end");
        // One that is folded and not deleted yet is the same.
        let is_folded = again
            .folded
            .get(&peer)
            .is_some_and(|end| *end >= counters.end);
        if !is_folded {
            again.peers.note(peer, counters.clone());
        }
        if row.get("is_in_text") {
            let has = again.of_text.get(&peer).copied().unwrap_or(0);
            again.of_text.insert(peer, has.max(counters.end));
        }
        if again.set_aside.contains(&edit_id) {
            continue;
        }
        match update_meta(update) {
            Ok(meta) if meta.peer == peer && (meta.counter_start..meta.counter_end) == counters => {
            }
            Ok(meta) => {
                let own = format!("{counters:?} of peer {}", peer as i64);
                let true_one = format!(
                    "{}..{} of peer {}",
                    meta.counter_start, meta.counter_end, meta.peer as i64
                );
                let finding = Finding::mislabelled(key, edit_id, &own, &true_one);
                // The rows may be read a second time.
                if !again.findings.contains(&finding) {
                    again.findings.push(finding);
                }
            }
            // Loro says the same below.
            Err(_) => {}
        }
        let imported = tokio::task::block_in_place(|| live.import(update));
        if let Err(error) = imported {
            again
                .findings
                .push(Finding::unreadable(key, edit_id, error));
            again.set_aside.insert(edit_id);
            if live.is_poisoned() {
                *built = again;
                return Ok(false);
            }
            continue;
        }
        if row.get("is_later")
            && let Some(Ok(document)) = &mut of_snapshot
            && let Err(error) = tokio::task::block_in_place(|| document.import(update))
        {
            of_snapshot = Some(Err(error));
        }
    }
    again.live = Some(live);
    again.of_snapshot = of_snapshot;
    *built = again;
    Ok(true)
}

/// What is wrong with the snapshot, if anything.
fn compare_snapshot(built: &Built, stored: &Row, live: &LiveDocument) -> Result<Option<String>> {
    let document = match &built.of_snapshot {
        None => return Ok(None),
        Some(Err(error)) => return Ok(Some(format!("cannot be read ({error})"))),
        Some(Ok(document)) => document,
    };
    if stored.get("snapshot_is_ahead") {
        return Ok(Some(
            "claims to have seen transactions that are yet to come: edits of theirs would not be read".into(),
        ));
    }
    let (of_rows, of_snapshot) = (live.version()?, document.version()?);
    if of_rows != of_snapshot {
        let lacks = operations(&of_rows, &of_snapshot);
        let more = operations(&of_snapshot, &of_rows);
        return Ok(Some(format!(
            "with the edits after it is another version than all edits: it lacks {lacks} operations and has {more} that no row has"
        )));
    }
    let (of_rows, of_snapshot) = (value(live)?, value(document)?);
    Ok((of_rows != of_snapshot)
        .then(|| "holds another text under the same version than the edits".into()))
}

/// What is wrong with the stored text, if anything.
fn compare_text(built: &Built, stored: &Row, live: &LiveDocument) -> Result<Option<String>> {
    let (Some(text), Some(version)) = (
        stored.get::<_, Option<&str>>("text"),
        stored.get::<_, Option<&[u8]>>("text_version"),
    ) else {
        return Ok(None);
    };
    if stored.get("text_is_ahead") {
        return Ok(Some(
            "claims to have seen transactions that are yet to come: it would not be written anew"
                .into(),
        ));
    }
    let Ok(version) = decode_version(version) else {
        return Ok(Some("has a version that cannot be read".into()));
    };
    let more = operations(&version, &live.version()?);
    if more > 0 {
        return Ok(Some(format!(
            "stands for {more} operations that no row has"
        )));
    }
    let lacks = operations(&built.of_text, &version);
    if lacks > 0 {
        return Ok(Some(format!(
            "lacks {lacks} operations of edits that it claims to have"
        )));
    }
    let own = if version == live.version()? {
        live.text()?
    } else {
        at_version(live, &version)?.text()?
    };
    Ok((own.replace('\0', "") != text).then(|| "is not what the edits of its version say".into()))
}

/// How many operations `one` has beyond `other`.
fn operations(one: &VersionVector, other: &VersionVector) -> i64 {
    let beyond = one.iter().map(|(peer, end)| {
        let has = other.get(peer).copied().unwrap_or(0);
        i64::from((end - has).max(0))
    });
    beyond.sum()
}

fn at_version(live: &LiveDocument, version: &VersionVector) -> Result<LiveDocument> {
    let exported = live
        .read(|doc| doc.export(ExportMode::updates_till(version)))?
        .map_err(|e| Error::caused(Kind::Internal, "export a version", e))?;
    let mut document = LiveDocument::empty();
    document.import(&exported)?;
    Ok(document)
}

fn value(live: &LiveDocument) -> Result<LoroValue> {
    live.read(LoroDoc::get_deep_value)
}

async fn peer_rows(transaction: &Transaction<'_>, key: DocKey) -> Result<BTreeMap<u64, i32>> {
    let rows = transaction
        .query(VERIFY_PEERS, &[&key.org_id, &key.document_id])
        .await
        .map_err(failed("read peers"))?;
    let rows = rows.iter();
    Ok(rows
        .map(|row| (row.get::<_, i64>("peer_id") as u64, row.get("next_counter")))
        .collect())
}

async fn row(transaction: &Transaction<'_>, statement: &str, key: DocKey) -> Result<Row> {
    let doing = "read what is stored of a document";
    let statement = transaction.prepare_cached(statement).await;
    transaction
        .query_one(
            &statement.map_err(failed(doing))?,
            &[&key.org_id, &key.document_id],
        )
        .await
        .map_err(failed(doing))
}
