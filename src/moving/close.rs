//! The end of writing at the source. In one transaction the organisation is noted as moved and every lease is
//! taken away, under the lock of its authority, like any revocation: no edit stands in the log after it. What
//! else began before it is waited for.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::side::Side;
use crate::error::{Error, Kind, Result};
use crate::postgres::PoolClient;

const MOVE_GO_ON: &str = include_str!("../../sql/move_go_on.sql");
const MOVE_CLEAR_LEASES: &str = include_str!("../../sql/move_clear_leases.sql");
const MOVE_WRITERS: &str = include_str!("../../sql/move_writers.sql");
const TAKE_AUTHORITY: &str = include_str!("../../sql/take_authority.sql");

/// How often the lock is asked for; each time waits for some seconds at most.
const TRIES: u32 = 5;
/// How long a transaction may go on that wrote before; in the last second nobody can write meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

/// Closes the organisation at the source, on the connection on which it is read afterwards.
///
/// # Errors
/// `Conflict` when another command has taken the move over; else as the database fails.
pub(super) async fn close(
    side: &Side,
    client: &mut PoolClient,
    org_id: Uuid,
    move_id: Uuid,
    addresses: &[String],
) -> Result<()> {
    let mut tries = 0;
    loop {
        tries += 1;
        match attempt(side, client, org_id, move_id, addresses).await {
            Err(error) if error.is_transient() && tries < TRIES => {
                tracing::info!(%error, "close the organisation; trying again");
            }
            closed => return closed,
        }
    }
}

async fn attempt(
    side: &Side,
    client: &mut PoolClient,
    org_id: Uuid,
    move_id: Uuid,
    addresses: &[String],
) -> Result<()> {
    let doing = "close the organisation";
    let transaction = client.transaction().await.map_err(side.failed(doing))?;
    transaction
        .execute(TAKE_AUTHORITY, &[&org_id])
        .await
        .map_err(side.failed(doing))?;
    // A commit whose answer was lost may have done it.
    let parameters: [&(dyn ToSql + Sync); 5] = [&org_id, &move_id, &"moved", &addresses, &"moving"];
    let changed = transaction.execute(MOVE_GO_ON, &parameters).await;
    if changed.map_err(side.failed(doing))? == 0 {
        drop(transaction);
        let placed = side.placed_on(client, org_id).await?;
        if placed.is("moved") && placed.move_id == Some(move_id) {
            return Ok(());
        }
        let says = "somebody else has taken the move over at the source";
        return Err(Error::new(Kind::Conflict, says));
    }
    transaction
        .execute(MOVE_CLEAR_LEASES, &[&org_id])
        .await
        .map_err(side.failed(doing))?;
    transaction.commit().await.map_err(side.failed(doing))
}

/// Returns when every transaction is over that may have begun to write before the last mark was set:
/// those that hold a lock for writing on a table of Quire now. Whoever comes later sees the mark.
///
/// # Errors
/// `Unavailable` when one goes on for too long.
pub(super) async fn wait_for_writers(side: &Side, client: &PoolClient) -> Result<()> {
    let began = Instant::now();
    let mut waited_for = writers(side, client).await?;
    while !waited_for.is_empty() {
        if began.elapsed() > PATIENCE {
            let says = "a transaction that writes to tables of Quire at the source does not end";
            return Err(Error::new(Kind::Unavailable, says));
        }
        tokio::time::sleep(PAUSE).await;
        let now = writers(side, client).await?;
        waited_for.retain(|writer| now.contains(writer));
    }
    Ok(())
}

async fn writers(side: &Side, client: &PoolClient) -> Result<HashSet<String>> {
    let rows = client
        .query(MOVE_WRITERS, &[])
        .await
        .map_err(side.failed("look for writers"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
