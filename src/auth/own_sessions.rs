//! What an account sees of its own sessions and API tokens, and how it ends and makes them.

use super::scope::Scopes;
use super::session::{Session, SessionKind};
use super::{Token, account};
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use deadpool_postgres::{GenericClient, Transaction};
use serde::Serialize;
use uuid::Uuid;

/// Longest life of an API token, in days.
pub const TOKEN_DAYS: i64 = 366;

/// A browser that is signed in.
#[derive(Debug, Serialize)]
pub struct Device {
    /// Identity of the session.
    pub session_id: Uuid,
    /// What it called itself.
    pub user_agent: String,
    /// The network address that it signed in from.
    pub address: Option<String>,
    /// When it signed in, RFC 3339.
    pub created_at: String,
    /// When it was used last, to an hour.
    pub last_seen_at: String,
    /// When it ends unless it is used.
    pub expires_at: String,
    /// Whether it is the one that asks.
    pub is_current: bool,
}

/// An API token, without its secret.
#[derive(Debug, Serialize)]
pub struct ApiToken {
    /// Identity of the session.
    pub session_id: Uuid,
    /// What its owner calls it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Scopes,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// When it was used last, to an hour.
    pub last_seen_at: String,
    /// When it ends.
    pub expires_at: String,
}

/// The browsers that are signed in as the session's account, those last used first.
///
/// # Errors
/// When the database cannot be asked.
pub async fn devices(client: &impl GenericClient, session: &Session) -> Result<Vec<Device>> {
    let rows = list(client, session, SessionKind::Browser).await?;
    let devices = rows.iter().map(|row| Device {
        session_id: row.get("session_id"),
        user_agent: row.get("user_agent"),
        address: row.get("address"),
        created_at: row.get("created_at"),
        last_seen_at: row.get("last_seen_at"),
        expires_at: row.get("expires_at"),
        is_current: row.get::<_, Uuid>("session_id") == session.session_id,
    });
    Ok(devices.collect())
}

/// The API tokens of the session's account, those last used first.
///
/// # Errors
/// When the database cannot be asked.
pub async fn api_tokens(client: &impl GenericClient, session: &Session) -> Result<Vec<ApiToken>> {
    let rows = list(client, session, SessionKind::Token).await?;
    rows.iter()
        .map(|row| {
            Ok(ApiToken {
                session_id: row.get("session_id"),
                name: row.get("name"),
                scopes: Scopes::parse(&row.get::<_, Vec<&str>>("scopes"))?,
                created_at: row.get("created_at"),
                last_seen_at: row.get("last_seen_at"),
                expires_at: row.get("expires_at"),
            })
        })
        .collect()
}

/// Makes an API token for the session's account, which lives for so many days, at most `TOKEN_DAYS`.
/// Its secret is told this once.
///
/// # Errors
/// `Invalid` when the name is not 1 to 100 characters.
pub async fn make_api_token(
    transaction: &Transaction<'_>,
    session: &Session,
    name: &str,
    scopes: Scopes,
    days: i64,
) -> Result<(ApiToken, Token)> {
    let name = account::checked("name", name, 100)?;
    let lifetime_s = days as f64 * 24.0 * 3600.0;
    let token = Token::random();
    let session_id = Uuid::new_v4();
    let (account_id, names) = (session.account_id, scopes.names());
    transaction
        .execute(
            include_str!("../../sql/add_token.sql"),
            &[
                &session_id,
                &account_id,
                &token.hash(),
                &name,
                &names,
                &lifetime_s,
            ],
        )
        .await
        .map_err(failed("add API token"))?;
    transaction
        .execute(
            include_str!("../../sql/note_token.sql"),
            &[&account_id, &session_id, &name, &names],
        )
        .await
        .map_err(failed("note API token"))?;
    let made = api_tokens(transaction, session).await?;
    let made = made.into_iter().find(|made| made.session_id == session_id);
    let lost = || Error::new(Kind::Internal, "find the API token just made");
    Ok((made.ok_or_else(lost)?, token))
}

/// Holds a session until the transaction ends: its end waits, or is seen here.
///
/// # Errors
/// `SignedOut` when it has just ended; otherwise when the database cannot be asked.
pub async fn hold_session(transaction: &Transaction<'_>, session: &Session) -> Result<()> {
    transaction
        .query_opt(
            include_str!("../../sql/hold_session.sql"),
            &[&session.session_id],
        )
        .await
        .map_err(failed("hold session"))?
        .ok_or_else(|| Error::new(Kind::SignedOut, "you are not signed in any more"))?;
    Ok(())
}

/// Ends one of the account's sessions of that kind.
///
/// # Errors
/// `NotFound` when it has none such; otherwise when the database cannot be asked.
pub async fn end_own_session(
    client: &impl GenericClient,
    account_id: Uuid,
    session_id: Uuid,
    kind: SessionKind,
) -> Result<()> {
    let ended = client
        .execute(
            include_str!("../../sql/end_own_session.sql"),
            &[&account_id, &session_id, &kind.name()],
        )
        .await
        .map_err(failed("end own session"))?;
    if ended == 0 {
        return Err(Error::new(Kind::NotFound, "there is no such session"));
    }
    Ok(())
}

/// Signs an account out in all browsers, or in all but one. API tokens go on.
///
/// # Errors
/// When the database cannot be asked.
pub async fn end_browser_sessions(
    client: &impl GenericClient,
    account_id: Uuid,
    except: Option<Uuid>,
) -> Result<()> {
    client
        .execute(
            include_str!("../../sql/end_browser_sessions.sql"),
            &[&account_id, &except],
        )
        .await
        .map_err(failed("end sessions"))?;
    Ok(())
}

async fn list(
    client: &impl GenericClient,
    session: &Session,
    kind: SessionKind,
) -> Result<Vec<tokio_postgres::Row>> {
    client
        .query(
            include_str!("../../sql/list_sessions.sql"),
            &[&session.account_id, &kind.name()],
        )
        .await
        .map_err(failed("list sessions"))
}
