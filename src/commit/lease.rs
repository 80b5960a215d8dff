//! Leases: which connection may write with which Loro peer of a document. The peer's row settles
//! it; taking a lease takes it away from whatever connection held it before.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::put_back::hold_put_back;
use crate::auth::{self, Hold, Session};
use crate::directory::check_served_here;
use crate::error::{Error, Kind, Result};
use crate::postgres::{Pool, failed};

const LEASE_KNOWN_PEER: &str = include_str!("../../sql/lease_known_peer.sql");
const LEASE_FREE_PEER: &str = include_str!("../../sql/lease_free_peer.sql");
const LEASE_NEW_PEER: &str = include_str!("../../sql/lease_new_peer.sql");
const GIVE_UP_PEER: &str = include_str!("../../sql/give_up_peer.sql");
const RELEASE_LEASE: &str = include_str!("../../sql/release_lease.sql");

/// The right to write with one peer, until it is released or somebody takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub org_id: Uuid,
    pub document_id: Uuid,
    pub peer: u64,
    pub lease_id: Uuid,
    /// Where the peer's next edit starts; everything before it is durable.
    pub next_counter: i32,
}

/// Who asks for a lease, and which peer they would like.
#[derive(Debug)]
pub struct Request<'a> {
    pub org_id: Uuid,
    pub document_id: Uuid,
    pub session: &'a Session,
    /// The name the device gave itself; empty: none.
    pub device: &'a str,
    pub wish: Wish,
}

/// Which peer a lease is wanted for.
#[derive(Debug, Clone, Copy)]
pub enum Wish {
    /// This one if it is the account's, or nobody's yet; else any.
    Preferably(u64),
    /// Any that the account's device used before and nobody holds, else a new one.
    Any,
    /// This one or none: it is new and becomes the account's, or it is the account's already.
    Exactly(u64),
}

/// Leases a peer, checking session and right under locks that a revocation must wait for.
///
/// # Errors
/// `NotFound` when the session has ended or the account does not belong to the organisation,
/// `Forbidden` when it may not edit, or the wished peer is somebody else's and no other will do,
/// `Elsewhere` when the organisation has moved, `Unavailable`.
pub async fn take(pool: &Pool, request: &Request<'_>) -> Result<Lease> {
    let mut client = pool.get().await.map_err(failed("lease a peer"))?;
    let transaction = client.transaction().await.map_err(failed("lease a peer"))?;
    hold_right(&transaction, request).await?;
    let lease_id = Uuid::new_v4();
    let known = match request.wish {
        Wish::Preferably(peer) | Wish::Exactly(peer) => {
            of_peer(&transaction, LEASE_KNOWN_PEER, request, lease_id, peer).await?
        }
        Wish::Any => None,
    };
    let new = match (&known, request.wish) {
        // After a failover it may be a peer that the database has forgotten, and whose edits wait.
        (None, Wish::Exactly(peer) | Wish::Preferably(peer)) => {
            of_peer(&transaction, LEASE_NEW_PEER, request, lease_id, peer).await?
        }
        _ => None,
    };
    let row = match (known.or(new), request.wish) {
        (None, Wish::Preferably(_) | Wish::Any) => any(&transaction, request, lease_id).await?,
        (row, _) => row,
    };
    let Some(row) = row else {
        return Err(Error::new(
            Kind::Forbidden,
            "this peer id belongs to somebody else in this document; use another one",
        ));
    };
    transaction.commit().await.map_err(failed("lease a peer"))?;
    Ok(Lease {
        org_id: request.org_id,
        document_id: request.document_id,
        peer: row.get::<_, i64>("peer_id") as u64,
        lease_id,
        next_counter: row.get("next_counter"),
    })
}

/// Gives the peer back, so that the account's next connection can have it. Does nothing when
/// somebody else took it meanwhile.
pub async fn release(pool: &Pool, lease: &Lease) -> Result<()> {
    let client = pool.get().await.map_err(failed("lease a peer"))?;
    let statement = client
        .prepare_cached(RELEASE_LEASE)
        .await
        .map_err(failed("lease a peer"))?;
    client
        .execute(
            &statement,
            &[
                &lease.org_id,
                &lease.document_id,
                &(lease.peer as i64),
                &lease.lease_id,
            ],
        )
        .await
        .map_err(failed("lease a peer"))?;
    Ok(())
}

/// Notes that the account writes again, as another peer, what this one of its peers had written and a
/// failover lost: no server puts that back any more. Answers where the peer's durable operations end:
/// those before were not lost, or are back, and must not be written again.
///
/// # Errors
/// Those of [`take`].
pub async fn give_up(pool: &Pool, request: &Request<'_>, peer: u64) -> Result<i32> {
    let doing = "give a peer up";
    let mut client = pool.get().await.map_err(failed(doing))?;
    let transaction = client.transaction().await.map_err(failed(doing))?;
    hold_right(&transaction, request).await?;
    hold_put_back(&transaction, request.org_id, request.document_id).await?;
    let parameters: [&(dyn ToSql + Sync); 4] = [
        &request.org_id,
        &request.document_id,
        &(peer as i64),
        &request.session.account_id,
    ];
    let row = transaction.query_one(GIVE_UP_PEER, &parameters).await;
    let next_counter = row.map_err(failed(doing))?.get("next_counter");
    transaction.commit().await.map_err(failed(doing))?;
    Ok(next_counter)
}

type Transaction<'a> = deadpool_postgres::Transaction<'a>;

/// Holds the session and the organisation's rights until the transaction ends, so that a
/// revocation waits for the lease, or the lease for the revocation; then asks what is allowed.
async fn hold_right(transaction: &Transaction<'_>, request: &Request<'_>) -> Result<()> {
    let (org_id, document_id) = (request.org_id, request.document_id);
    auth::hold_authority(transaction, request.session, org_id, Hold::Shared).await?;
    check_served_here(transaction, org_id).await?;
    let account_id = request.session.account_id;
    let permission = auth::permission(transaction, account_id, org_id, document_id).await?;
    if permission != auth::Permission::Write {
        return Err(Error::new(
            Kind::Forbidden,
            "you may not edit this document",
        ));
    }
    Ok(())
}

/// A free peer of the same device, else a new one.
async fn any(
    transaction: &Transaction<'_>,
    request: &Request<'_>,
    lease_id: Uuid,
) -> Result<Option<Row>> {
    if !request.device.is_empty() {
        let session = request.session;
        let parameters: [&(dyn ToSql + Sync); 6] = [
            &request.org_id,
            &request.document_id,
            &session.account_id,
            &request.device,
            &lease_id,
            &session.session_id,
        ];
        let free = ask(transaction, LEASE_FREE_PEER, &parameters).await?;
        if free.is_some() {
            return Ok(free);
        }
    }
    // 61 random bits do not meet another peer of the same document.
    let peer = Uuid::new_v4().as_u64_pair().1 >> 1;
    of_peer(transaction, LEASE_NEW_PEER, request, lease_id, peer).await
}

/// Runs one of the statements that name the peer.
async fn of_peer(
    transaction: &Transaction<'_>,
    statement: &str,
    request: &Request<'_>,
    lease_id: Uuid,
    peer: u64,
) -> Result<Option<Row>> {
    let session = request.session;
    let parameters: [&(dyn ToSql + Sync); 7] = [
        &request.org_id,
        &request.document_id,
        // Postgres keeps the 64 bits as a signed number.
        &(peer as i64),
        &session.account_id,
        &lease_id,
        &session.session_id,
        &request.device,
    ];
    ask(transaction, statement, &parameters).await
}

async fn ask(
    transaction: &Transaction<'_>,
    statement: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Option<Row>> {
    let statement = transaction
        .prepare_cached(statement)
        .await
        .map_err(failed("lease a peer"))?;
    transaction
        .query_opt(&statement, parameters)
        .await
        .map_err(failed("lease a peer"))
}
