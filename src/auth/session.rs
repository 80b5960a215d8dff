//! Signed-in browsers and programs.

use super::token::Token;
use crate::error::Result;
use crate::postgres::failed;
use deadpool_postgres::GenericClient;
use std::time::SystemTime;
use uuid::Uuid;

/// How long a session lives when nobody ends it.
pub const SESSION_DAYS: u32 = 90;

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
    /// When it ends by itself (clock of the database).
    pub expires_at: SystemTime,
}

/// The live session of a token; `None` when there is none or it has ended.
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
    Ok(row.map(|row| session(&row)))
}

/// Signs an account in: a new session and the secret that its client holds.
///
/// # Errors
/// When the account does not exist or the database cannot be asked.
pub async fn start_session(
    client: &impl GenericClient,
    account_id: Uuid,
    user_agent: &str,
) -> Result<(Session, Token)> {
    let token = Token::random();
    let lifetime_s = f64::from(SESSION_DAYS) * 24.0 * 3600.0;
    let row = client
        .query_one(
            include_str!("../../sql/start_session.sql"),
            &[
                &Uuid::new_v4(),
                &account_id,
                &token.hash(),
                &user_agent,
                &lifetime_s,
            ],
        )
        .await
        .map_err(failed("start session"))?;
    Ok((session(&row), token))
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

fn session(row: &tokio_postgres::Row) -> Session {
    Session {
        session_id: row.get("session_id"),
        account_id: row.get("account_id"),
        name: row.get("name"),
        color: row.get("color"),
        expires_at: row.get("expires_at"),
    }
}
