//! One-time links by which a forgotten password is set anew.

use super::Token;
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use deadpool_postgres::{GenericClient, Transaction};
use uuid::Uuid;

/// How long such a link can be used.
const RESET_S: f64 = 3600.0;

/// Makes a link for whoever has that mail address. `None` when nobody has, or when three were made
/// within 15 minutes: the caller must not let anybody know which.
///
/// # Errors
/// When the database cannot be asked.
pub async fn make_reset(client: &impl GenericClient, email: &str) -> Result<Option<Token>> {
    let token = Token::random();
    let made = client
        .execute(
            include_str!("../../sql/add_password_reset.sql"),
            &[&token.hash(), &email, &RESET_S],
        )
        .await
        .map_err(failed("add password reset"))?;
    Ok((made == 1).then_some(token))
}

/// Drops links that have not worked for a day, used ones too.
///
/// # Errors
/// When the database cannot be asked.
pub async fn drop_old_resets(client: &impl GenericClient) -> Result<()> {
    client
        .execute(include_str!("../../sql/drop_old_resets.sql"), &[])
        .await
        .map_err(failed("drop old password resets"))?;
    Ok(())
}

/// Whether a link works; nothing is used up.
///
/// # Errors
/// `Gone` when it was used, has expired or never was.
pub async fn check_reset(client: &impl GenericClient, token: &Token) -> Result<()> {
    client
        .query_opt(
            include_str!("../../sql/find_password_reset.sql"),
            &[&token.hash()],
        )
        .await
        .map_err(failed("find password reset"))?
        .ok_or_else(reset_is_gone)?;
    Ok(())
}

/// Uses a link up and says whose password it sets. After a rollback it can be used again.
///
/// # Errors
/// `Gone` when it was used, has expired or never was.
pub async fn use_reset(transaction: &Transaction<'_>, token: &Token) -> Result<Uuid> {
    let row = transaction
        .query_opt(
            include_str!("../../sql/use_password_reset.sql"),
            &[&token.hash()],
        )
        .await
        .map_err(failed("use password reset"))?
        .ok_or_else(reset_is_gone)?;
    Ok(row.get("account_id"))
}

/// What a link that does not work is answered with.
pub fn reset_is_gone() -> Error {
    Error::new(
        Kind::Gone,
        "this link has been used or has expired; ask for a new one",
    )
}
