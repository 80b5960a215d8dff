//! Who does what: told to the transaction, so that the triggers that write quire.audit know it.

use super::Session;
use crate::error::Result;
use crate::postgres::failed;
use deadpool_postgres::Transaction;
use std::net::IpAddr;
use uuid::Uuid;

/// Says that the rest of the transaction is the session's doing. Call it before the first change.
///
/// # Errors
/// When the database cannot be asked.
pub async fn acting(
    transaction: &Transaction<'_>,
    session: &Session,
    address: IpAddr,
) -> Result<()> {
    let account_id = session.account_id.to_string();
    let session_id = session.session_id.to_string();
    act_as(transaction, &account_id, &session_id, address).await
}

/// The same for somebody who is not signed in: only the address is known.
///
/// # Errors
/// When the database cannot be asked.
pub async fn acting_unknown(transaction: &Transaction<'_>, address: IpAddr) -> Result<()> {
    act_as(transaction, "", "", address).await
}

/// From here to its end the transaction sees one organisation only: what a statement forgets to ask,
/// the database's policies ask. Call it after what has to look further, such as the session.
///
/// # Errors
/// When the database cannot be asked.
pub async fn act_in(transaction: &Transaction<'_>, org_id: Uuid) -> Result<()> {
    transaction
        .execute(include_str!("../../sql/act_in.sql"), &[&org_id])
        .await
        .map_err(failed("go behind the wall"))?;
    Ok(())
}

async fn act_as(
    transaction: &Transaction<'_>,
    account_id: &str,
    session_id: &str,
    address: IpAddr,
) -> Result<()> {
    transaction
        .execute(
            include_str!("../../sql/act_as.sql"),
            &[&account_id, &session_id, &address.to_string()],
        )
        .await
        .map_err(failed("say who acts"))?;
    Ok(())
}
