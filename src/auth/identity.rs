//! Identities of an OpenID Connect provider: whose account one is, and the browsers that are on their
//! way to the provider and back. An account is found by issuer and subject alone: a mail address
//! that the provider names links nothing, because it may have belonged to somebody else before.

use super::{Token, login_of};
use crate::error::{Error, Kind, Result};
use crate::oidc::Identity;
use crate::postgres::failed;
use deadpool_postgres::{GenericClient, Transaction};
use serde::Serialize;
use uuid::Uuid;

/// How long a browser may take at the provider.
pub const OIDC_MINUTES: u32 = 10;

/// What a browser was sent to the provider for. Its secret is in its cookie and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journey {
    /// The address of Quire that it comes back to.
    pub origin: String,
    /// The hash of the one-time link that is used with it.
    pub invitation_hash: Option<Vec<u8>>,
    /// What a new account is to be called.
    pub name: Option<String>,
    /// The session whose account the identity is to be linked to.
    pub session_id: Option<Uuid>,
}

/// An identity as its owner sees it.
#[derive(Debug, Serialize)]
pub struct OwnIdentity {
    identity_id: Uuid,
    issuer: String,
    name: String,
    email: Option<String>,
    created_at: String,
    last_used_at: Option<String>,
}

/// Notes that a browser with that secret sets out.
///
/// # Errors
/// When the database cannot be asked.
pub async fn set_out(client: &impl GenericClient, token: &Token, journey: &Journey) -> Result<()> {
    let lifetime_s = f64::from(OIDC_MINUTES) * 60.0;
    client
        .execute(
            include_str!("../../sql/begin_oidc_sign_in.sql"),
            &[
                &token.hash(),
                &journey.origin,
                &journey.invitation_hash,
                &journey.name,
                &journey.session_id,
                &lifetime_s,
            ],
        )
        .await
        .map_err(failed("begin sign-in by a provider"))?;
    Ok(())
}

/// The journey of a browser that is back, once; `None`: it is over, or never was.
///
/// # Errors
/// When the database cannot be asked.
pub async fn come_back(client: &impl GenericClient, token: &Token) -> Result<Option<Journey>> {
    let row = client
        .query_opt(
            include_str!("../../sql/take_oidc_sign_in.sql"),
            &[&token.hash()],
        )
        .await
        .map_err(failed("take sign-in by a provider"))?;
    Ok(row.map(|row| Journey {
        origin: row.get("origin"),
        invitation_hash: row.get("invitation_hash"),
        name: row.get("name"),
        session_id: row.get("session_id"),
    }))
}

/// Drops the journeys of browsers that did not come back.
///
/// # Errors
/// When the database cannot be asked.
pub async fn drop_old_journeys(client: &impl GenericClient) -> Result<()> {
    client
        .execute(include_str!("../../sql/drop_old_oidc_sign_ins.sql"), &[])
        .await
        .map_err(failed("drop old sign-ins by a provider"))?;
    Ok(())
}

/// The account that an identity signs in. It stays linked until the transaction ends.
///
/// # Errors
/// When the database cannot be asked.
pub async fn use_identity(
    transaction: &Transaction<'_>,
    identity: &Identity,
) -> Result<Option<Uuid>> {
    let row = transaction
        .query_opt(
            include_str!("../../sql/use_identity.sql"),
            &[&identity.issuer, &identity.subject],
        )
        .await
        .map_err(failed("find identity"))?;
    Ok(row.map(|row| row.get("account_id")))
}

/// Lets an identity sign the account in.
///
/// # Errors
/// `Conflict` when it is another account's.
pub async fn link_identity(
    transaction: &Transaction<'_>,
    account_id: Uuid,
    identity: &Identity,
) -> Result<()> {
    let name: String = printable(identity.name.as_deref().unwrap_or(""));
    let linked = transaction
        .execute(
            include_str!("../../sql/link_identity.sql"),
            &[
                &account_id,
                &identity.issuer,
                &identity.subject,
                &name,
                &identity.email,
            ],
        )
        .await
        .map_err(failed("link identity"))?;
    if linked == 0 {
        let context = "this identity belongs to another account";
        return Err(Error::new(Kind::Conflict, context));
    }
    Ok(())
}

/// What a new account is called when nobody said.
pub fn name_of(identity: &Identity) -> String {
    let said = [identity.name.as_deref(), identity.email.as_deref()];
    let mut said = said.into_iter().flatten().map(printable);
    let named = said.find(|name| !name.is_empty());
    named.unwrap_or_else(|| "New member".to_owned())
}

/// The identities by which an account signs in, oldest first.
///
/// # Errors
/// When the database cannot be asked.
pub async fn identities_of(
    client: &impl GenericClient,
    account_id: Uuid,
) -> Result<Vec<OwnIdentity>> {
    let rows = client
        .query(
            include_str!("../../sql/list_identities.sql"),
            &[&account_id],
        )
        .await
        .map_err(failed("list identities"))?;
    let identities = rows.iter().map(|row| OwnIdentity {
        identity_id: row.get("identity_id"),
        issuer: row.get("issuer"),
        name: row.get("name"),
        email: row.get("email"),
        created_at: row.get("created_at"),
        last_used_at: row.get("last_used_at"),
    });
    Ok(identities.collect())
}

/// Takes an identity from the account.
///
/// # Errors
/// `NotFound` when it is none of the account's, `Conflict` when it could not sign in any more.
pub async fn unlink_identity(
    transaction: &Transaction<'_>,
    account_id: Uuid,
    identity_id: Uuid,
) -> Result<()> {
    // Two that are unlinked at once take turns: the second one sees that the first is gone.
    let held = transaction
        .query(
            include_str!("../../sql/hold_identities.sql"),
            &[&account_id],
        )
        .await
        .map_err(failed("hold identities"))?;
    let is_own = |row: &tokio_postgres::Row| row.get::<_, Uuid>("identity_id") == identity_id;
    if !held.iter().any(is_own) {
        return Err(Error::new(Kind::NotFound, "there is no such identity"));
    }
    if held.len() == 1 && login_of(transaction, account_id).await?.is_none() {
        let context = "this is the only way you can sign in; set a password first";
        return Err(Error::new(Kind::Conflict, context));
    }
    transaction
        .execute(
            include_str!("../../sql/unlink_identity.sql"),
            &[&account_id, &identity_id],
        )
        .await
        .map_err(failed("unlink identity"))?;
    Ok(())
}

/// Writes into the audit that somebody whom the provider sent was not let in.
///
/// # Errors
/// When the database cannot be asked.
pub async fn note_refused_identity(
    transaction: &Transaction<'_>,
    provider: &str,
    reason: &str,
) -> Result<()> {
    transaction
        .execute(
            include_str!("../../sql/note_refused_oidc.sql"),
            &[&provider, &reason],
        )
        .await
        .map_err(failed("note refused sign-in"))?;
    Ok(())
}

/// At most 100 characters, none of which moves the cursor or ends the line.
fn printable(text: &str) -> String {
    let printable = text.chars().filter(|c| !c.is_control()).take(100);
    printable.collect::<String>().trim().to_owned()
}
