//! Edits that were committed and are gone, because a standby without them was promoted or an older
//! copy restored: a server that still holds them writes them again, as their authors'.

use std::collections::HashMap;
use std::ops::Range;

use deadpool_postgres::Transaction;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::auth;
use crate::directory::check_served_here;
use crate::error::{Error, Kind, Result};
use crate::postgres::{Pool, failed};

const ADD_LOST_PEERS: &str = include_str!("../../sql/add_lost_peers.sql");
const WRITING_PEERS: &str = include_str!("../../sql/writing_peers.sql");
const PUT_BACK_EDITS: &str = include_str!("../../sql/put_back_edits.sql");

const DOING: &str = "put back what the log has lost";

const HOLD_PUT_BACK: &str = include_str!("../../sql/hold_put_back.sql");

/// One edit to be written again.
pub struct Lost {
    pub peer: u64,
    pub counters: Range<i32>,
    pub update: Vec<u8>,
}

/// Writes again what `choose` picks, in its order, and says how many edits that was. `authors` are the
/// accounts of peers that may be gone as well. `choose` is told where the next edit of each peer starts
/// whose author may still write; of others nothing is taken. Several servers may do it at once: what
/// one has put back, the next one finds there.
///
/// # Errors
/// `Unavailable`; those of `choose`.
pub async fn put_back(
    pool: &Pool,
    org_id: Uuid,
    document_id: Uuid,
    authors: &[(u64, Option<Uuid>)],
    choose: impl FnOnce(&HashMap<u64, i32>) -> Result<Vec<Lost>>,
) -> Result<usize> {
    let mut client = pool.get().await.map_err(failed(DOING))?;
    let transaction = client.transaction().await.map_err(failed(DOING))?;
    // A revocation waits until these are written, or they see it.
    auth::share_authority(&transaction, org_id).await?;
    if let Err(error) = check_served_here(&transaction, org_id).await {
        // Clients bring it to where the organisation is served.
        return match error.kind() {
            Kind::Elsewhere => Ok(0),
            _ => Err(error),
        };
    }
    hold_put_back(&transaction, org_id, document_id).await?;
    let known = authors.iter().filter_map(|(p, a)| Some((*p as i64, (*a)?)));
    let (peers, accounts): (Vec<i64>, Vec<Uuid>) = known.unzip();
    let values: [&(dyn ToSql + Sync); 4] = [&org_id, &document_id, &peers, &accounts];
    let added = transaction.execute(ADD_LOST_PEERS, &values).await;
    added.map_err(failed(DOING))?;
    let peers: Vec<i64> = authors.iter().map(|(peer, _)| *peer as i64).collect();
    let values: [&(dyn ToSql + Sync); 3] = [&org_id, &document_id, &peers];
    let rows = transaction.query(WRITING_PEERS, &values).await;
    let rows = rows.map_err(failed(DOING))?;
    let next = rows.iter().map(|row| {
        let peer: i64 = row.get("peer_id");
        (peer as u64, row.get("next_counter"))
    });
    let lost = choose(&next.collect())?;
    if lost.is_empty() {
        return Ok(0);
    }
    let mut ranges: HashMap<i64, Range<i32>> = HashMap::new();
    for edit in &lost {
        let range = ranges
            .entry(edit.peer as i64)
            .or_insert_with(|| edit.counters.clone());
        range.end = edit.counters.end;
    }
    let ranges: Vec<_> = ranges.into_iter().collect();
    let values: [&(dyn ToSql + Sync); 9] = [
        &org_id,
        &document_id,
        &ranges.iter().map(|(peer, _)| *peer).collect::<Vec<_>>(),
        &ranges.iter().map(|(_, r)| r.start).collect::<Vec<_>>(),
        &ranges.iter().map(|(_, r)| r.end).collect::<Vec<_>>(),
        &lost.iter().map(|e| e.peer as i64).collect::<Vec<_>>(),
        &lost.iter().map(|e| e.counters.start).collect::<Vec<_>>(),
        &lost.iter().map(|e| e.counters.end).collect::<Vec<_>>(),
        &lost.iter().map(|e| &e.update[..]).collect::<Vec<_>>(),
    ];
    let advanced = transaction.query(PUT_BACK_EDITS, &values).await;
    if advanced.map_err(failed(DOING))?.len() != ranges.len() {
        // An edit without what it builds on would hang in the air for ever: all of them or none.
        return Err(Error::new(Kind::Unavailable, DOING));
    }
    transaction.commit().await.map_err(failed(DOING))?;
    Ok(lost.len())
}

/// Until the transaction ends, nobody else puts anything of the document back, or gives a peer of it up.
/// What they did before is seen by statements that begin after this one.
pub(super) async fn hold_put_back(
    transaction: &Transaction<'_>,
    org_id: Uuid,
    document_id: Uuid,
) -> Result<()> {
    let values: [&(dyn ToSql + Sync); 2] = [&org_id, &document_id];
    let held = transaction.execute(HOLD_PUT_BACK, &values).await;
    held.map_err(failed(DOING))?;
    Ok(())
}
