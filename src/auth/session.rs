//! Signed-in browsers and programs: how they begin, are found again and end.

use super::scope::Scopes;
use super::token::Token;
use crate::error::Result;
use crate::postgres::failed;
use deadpool_postgres::GenericClient;
use std::time::SystemTime;
use uuid::Uuid;

/// How long a browser's session lives at most, however much it is used.
pub const SESSION_DAYS: u32 = 90;
/// How long it lives when it is not used.
const IDLE_DAYS: u32 = 14;
const DAY_S: f64 = 24.0 * 3600.0;

/// How a session came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// Somebody signed in.
    Browser,
    /// Somebody who was signed in made an API token.
    Token,
}

impl SessionKind {
    /// As the database writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Token => "token",
        }
    }
}

/// A live session and the account that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Identity of the session; edits name it.
    pub session_id: Uuid,
    /// Who is signed in.
    pub account_id: Uuid,
    /// The account's display name.
    pub name: String,
    /// The account's colour, `#rrggbb`.
    pub color: String,
    /// How it came about.
    pub kind: SessionKind,
    /// What it may be used for.
    pub scopes: Scopes,
    /// When it ends by itself unless it is used (clock of the database).
    pub expires_at: SystemTime,
}

/// The live session of a token; `None` when there is none or it has ended. Asking counts as using
/// it, which puts its end off.
///
/// # Errors
/// When the database cannot be asked.
pub async fn session_by_token(
    client: &impl GenericClient,
    token: &Token,
) -> Result<Option<Session>> {
    let statement = client
        .prepare_cached(include_str!("../../sql/session_by_token.sql"))
        .await
        .map_err(failed("prepare session_by_token"))?;
    let row = client
        .query_opt(&statement, &[&token.hash()])
        .await
        .map_err(failed("look up session"))?;
    let Some(row) = row else { return Ok(None) };
    let session = session(&row)?;
    // Once an hour is enough: a row is not written for every request.
    if row.get("is_unnoted") {
        note_use(client, &[session.session_id]).await?;
    }
    Ok(Some(session))
}

/// Puts the end of sessions off that are just being used, but no further than it can be. Does
/// nothing for those whose use was noted within the hour.
///
/// # Errors
/// When the database cannot be asked.
pub async fn note_use(client: &impl GenericClient, session_ids: &[Uuid]) -> Result<()> {
    let idle_s = f64::from(IDLE_DAYS) * DAY_S;
    client
        .execute(
            include_str!("../../sql/note_use.sql"),
            &[&session_ids, &idle_s],
        )
        .await
        .map_err(failed("note use of sessions"))?;
    Ok(())
}

/// Ends what has expired, so that the log says so and every server acts on it. Answers how many
/// sessions and share links that were.
///
/// # Errors
/// When the database cannot be asked.
pub async fn end_expired(client: &impl GenericClient) -> Result<i32> {
    let row = client
        .query_one(include_str!("../../sql/end_expired.sql"), &[])
        .await
        .map_err(failed("end what has expired"))?;
    Ok(row.get("ended"))
}

/// Signs an account in: a new session and the secret that its client holds. Its address is the one
/// that the transaction was told (see `acting`).
///
/// # Errors
/// When the account does not exist or the database cannot be asked.
pub async fn start_session(
    client: &impl GenericClient,
    account_id: Uuid,
    user_agent: &str,
) -> Result<(Session, Token)> {
    let token = Token::random();
    let (idle_s, longest_s) = (
        f64::from(IDLE_DAYS) * DAY_S,
        f64::from(SESSION_DAYS) * DAY_S,
    );
    let row = client
        .query_one(
            include_str!("../../sql/start_session.sql"),
            &[
                &Uuid::new_v4(),
                &account_id,
                &token.hash(),
                &user_agent,
                &idle_s,
                &longest_s,
            ],
        )
        .await
        .map_err(failed("start session"))?;
    Ok((session(&row)?, token))
}

/// Ends a session everywhere: its sockets are closed on every server by way of the log, and the
/// database refuses its later edits. Ending it twice changes nothing.
///
/// # Errors
/// When the database cannot be asked.
pub async fn end_session(client: &impl GenericClient, session_id: Uuid) -> Result<()> {
    client
        .execute(include_str!("../../sql/end_session.sql"), &[&session_id])
        .await
        .map_err(failed("end session"))?;
    Ok(())
}

fn session(row: &tokio_postgres::Row) -> Result<Session> {
    let scopes: Option<Vec<&str>> = row.get("scopes");
    Ok(Session {
        session_id: row.get("session_id"),
        account_id: row.get("account_id"),
        name: row.get("name"),
        color: row.get("color"),
        kind: match row.get("kind") {
            "token" => SessionKind::Token,
            _ => SessionKind::Browser,
        },
        scopes: match scopes {
            Some(names) => Scopes::parse(&names)?,
            None => Scopes::ALL,
        },
        expires_at: row.get("expires_at"),
    })
}
