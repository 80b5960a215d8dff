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
    /// Whether it may move the document to the bin and back: every member who is not a guest.
    pub may_manage: bool,
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
        may_manage: row.get::<_, &str>("member_role") != "guest",
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

/// Holds the session, the membership and the grant until the transaction ends: a revocation that
/// comes meanwhile waits, so no change stands in the log after the removal of its author. Read
/// what the caller may do after this, not before.
///
/// # Errors
/// `NotFound` when the account does not belong to the organisation or the session has just ended;
/// otherwise when the database cannot be asked.
pub async fn hold_authority(
    transaction: &Transaction<'_>,
    session: &Session,
    org_id: Uuid,
    document_id: Option<Uuid>,
) -> Result<()> {
    let held = transaction
        .query_opt(
            include_str!("../../sql/hold_authority.sql"),
            &[&session.session_id, &org_id],
        )
        .await
        .map_err(failed("hold authority"))?;
    if held.is_none() {
        return Err(Error::new(Kind::NotFound, "there is no such organisation"));
    }
    if let Some(document_id) = document_id {
        transaction
            .execute(
                include_str!("../../sql/hold_grant.sql"),
                &[&session.session_id, &org_id, &document_id],
            )
            .await
            .map_err(failed("hold grant"))?;
    }
    Ok(())
}
