//! What an account may do with a document. The rule itself is the view quire.document_access; the
//! commit statement joins the same view.

use super::Session;
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use deadpool_postgres::{GenericClient, Transaction};
use uuid::Uuid;

/// What an account may do with the content of a document now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Nothing: it does not exist for this account, or it is in the bin.
    None,
    /// Read it.
    Read,
    /// Read and change it.
    Write,
}

/// What an account may do with a document that it may know of, in the bin or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// With its content, now.
    pub permission: Permission,
    /// Whether it may change title and content when the document is not in the bin.
    pub may_edit: bool,
    /// Whether it may see and write comments when the document is not in the bin.
    pub may_comment: bool,
    /// Whether it may share the document, move it to the bin and back: members who may edit it and
    /// are no guests.
    pub may_manage: bool,
    /// Whether it may give the document to another owner.
    pub may_transfer: bool,
}

/// What the account may do with the document's content. `None` also for documents of other
/// organisations and those that do not exist: a caller must not be able to tell them apart.
///
/// # Errors
/// When the database cannot be asked.
pub async fn permission(
    client: &impl GenericClient,
    account_id: Uuid,
    org_id: Uuid,
    document_id: Uuid,
) -> Result<Permission> {
    let access = access(client, account_id, org_id, document_id).await?;
    Ok(access.map_or(Permission::None, |access| access.permission))
}

/// What the account may do with the document; `None`: for this account it does not exist.
///
/// # Errors
/// When the database cannot be asked.
pub async fn access(
    client: &impl GenericClient,
    account_id: Uuid,
    org_id: Uuid,
    document_id: Uuid,
) -> Result<Option<Access>> {
    let statement = client
        .prepare_cached(include_str!("../../sql/document_access.sql"))
        .await
        .map_err(failed("prepare document_access"))?;
    let row = client
        .query_opt(&statement, &[&org_id, &document_id, &account_id])
        .await
        .map_err(failed("look up access"))?;
    Ok(row.map(|row| Access {
        permission: match row.get("permission") {
            "write" => Permission::Write,
            "read" => Permission::Read,
            _ => Permission::None,
        },
        may_edit: row.get::<_, &str>("role") == "edit",
        may_comment: matches!(row.get("role"), "comment" | "edit"),
        may_manage: row.get("may_manage"),
        may_transfer: row.get("may_transfer"),
    }))
}

/// The account's role in an organisation; `None`: it does not belong to it.
///
/// # Errors
/// When the database cannot be asked.
pub async fn member_role(
    client: &impl GenericClient,
    account_id: Uuid,
    org_id: Uuid,
) -> Result<Option<String>> {
    let row = client
        .query_opt(
            include_str!("../../sql/member_role.sql"),
            &[&org_id, &account_id],
        )
        .await
        .map_err(failed("look up member"))?;
    Ok(row.map(|row| row.get("role")))
}

/// What a transaction does with the rights of an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It relies on them: a revocation that comes meanwhile waits.
    Shared,
    /// It changes them: nobody else relies on them or changes them meanwhile.
    Alone,
}

/// Holds the session and the organisation's rights until the transaction ends, so that no change
/// stands in the log after the removal of its author. Read what the caller may do after this, not
/// before.
///
/// # Errors
/// `SignedOut` when the session has just ended; otherwise when the database cannot be asked.
pub async fn hold_authority(
    transaction: &Transaction<'_>,
    session: &Session,
    org_id: Uuid,
    hold: Hold,
) -> Result<()> {
    match hold {
        Hold::Shared => share_authority(transaction, org_id).await?,
        Hold::Alone => {
            let lock = include_str!("../../sql/take_authority.sql");
            transaction
                .execute(lock, &[&org_id])
                .await
                .map_err(failed("hold authority"))?;
        }
    }
    let held = transaction
        .query_opt(
            include_str!("../../sql/hold_authority.sql"),
            &[&session.session_id],
        )
        .await
        .map_err(failed("hold session"))?;
    match held {
        Some(_) => Ok(()),
        None => Err(Error::new(Kind::SignedOut, "the session has ended")),
    }
}

/// Holds the organisation's rights as they are until the transaction ends. Every revocation that
/// the log has brought is seen by what is read after this.
///
/// # Errors
/// When the database cannot be asked.
pub async fn share_authority(transaction: &Transaction<'_>, org_id: Uuid) -> Result<()> {
    let statement = transaction
        .prepare_cached(include_str!("../../sql/share_authority.sql"))
        .await
        .map_err(failed("share authority"))?;
    transaction
        .execute(&statement, &[&org_id])
        .await
        .map_err(failed("share authority"))?;
    Ok(())
}

/// Whether an account may see how the whole installation is: owners of its first organisation.
///
/// # Errors
/// When the database cannot be asked.
pub async fn may_oversee(client: &impl GenericClient, account_id: Uuid) -> Result<bool> {
    let sql = include_str!("../../sql/may_oversee.sql");
    let row = client.query_one(sql, &[&account_id]).await;
    Ok(row
        .map_err(failed("look up who oversees"))?
        .get("may_oversee"))
}
