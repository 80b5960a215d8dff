//! Whether both databases have the same edits: for all documents by counts and sums, and by digests of the
//! rows for those that were not compared in full since they changed.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::side::Side;
use crate::error::{Error, Kind, Result};
use crate::postgres::PoolClient;

const MOVE_COUNTS: &str = include_str!("../../sql/move_counts.sql");
const MOVE_DIGESTS: &str = include_str!("../../sql/move_digests.sql");
/// Documents of which digests are asked for at once.
const AT_ONCE: usize = 500;

/// How many edits each document has, and their sums.
pub(super) type Counts = BTreeMap<Uuid, (i64, String)>;

/// Errors: as the database fails.
pub(super) async fn counts(
    side: &Side,
    client: &PoolClient,
    org_id: Uuid,
) -> Result<(Counts, i64)> {
    let rows = client
        .query(MOVE_COUNTS, &[&org_id])
        .await
        .map_err(side.failed("count edits"))?;
    let newest = rows.iter().map(|row| row.get("newest")).max().unwrap_or(0);
    let counts = rows
        .iter()
        .map(|row| (row.get("document_id"), (row.get("edits"), row.get("sums"))));
    Ok((counts.collect(), newest))
}

/// The documents whose rows are not the same on both sides.
pub(super) async fn different(
    (from, reader): (&Side, &PoolClient),
    (to, writer): (&Side, &PoolClient),
    org_id: Uuid,
    documents: &[Uuid],
) -> Result<Vec<Uuid>> {
    let mut different = Vec::new();
    for some in documents.chunks(AT_ONCE) {
        let (theirs, ours) = tokio::try_join!(
            digests(from, reader, org_id, some),
            digests(to, writer, org_id, some)
        )?;
        different.extend(some.iter().filter(|id| theirs.get(*id) != ours.get(*id)));
    }
    Ok(different)
}

async fn digests(
    side: &Side,
    client: &PoolClient,
    org_id: Uuid,
    documents: &[Uuid],
) -> Result<BTreeMap<Uuid, String>> {
    let rows = client
        .query(MOVE_DIGESTS, &[&org_id, &documents])
        .await
        .map_err(side.failed("compare edits"))?;
    let rows = rows.iter();
    Ok(rows
        .map(|row| (row.get("document_id"), row.get("digest")))
        .collect())
}

/// The last comparison; answers what there is, and the newest id of an edit. `compared` is what was found to be the same in full, with its counts then.
///
/// # Errors
/// `Internal` when anything is not the same.
pub(super) async fn all_is_there(
    (from, reader): (&Side, &PoolClient),
    (to, writer): (&Side, &PoolClient),
    org_id: Uuid,
    compared: &Counts,
) -> Result<(Counts, i64)> {
    let ((theirs, newest), (ours, _)) =
        tokio::try_join!(counts(from, reader, org_id), counts(to, writer, org_id))?;
    if let Some(document_id) = theirs
        .keys()
        .chain(ours.keys())
        .find(|id| theirs.get(*id) != ours.get(*id))
    {
        return Err(not_the_same(*document_id));
    }
    let changed = theirs
        .iter()
        .filter(|(id, counts)| compared.get(*id) != Some(*counts));
    let changed: Vec<Uuid> = changed.map(|(id, _)| *id).collect();
    let different = different((from, reader), (to, writer), org_id, &changed).await?;
    match different.first() {
        Some(document_id) => Err(not_the_same(*document_id)),
        None => Ok((theirs, newest)),
    }
}

fn not_the_same(document_id: Uuid) -> Error {
    Error::new(
        Kind::Internal,
        format!(
            "the edits of document {document_id} are not the same in both databases after they were copied"
        ),
    )
}
