//! Accounts and their names.

use super::color_of;
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use deadpool_postgres::GenericClient;
use uuid::Uuid;

/// Longest display name, in characters (constraint account_name_length).
const NAME_CHARACTERS: usize = 100;

/// Makes an account that belongs to no organisation yet.
///
/// # Errors
/// `Invalid` when `name` is not one to 100 printable characters.
pub async fn add_account(client: &impl GenericClient, name: &str) -> Result<Uuid> {
    let name = checked("name", name, NAME_CHARACTERS)?;
    let account_id = Uuid::new_v4();
    client
        .execute(
            include_str!("../../sql/add_account.sql"),
            &[&account_id, &name, &color_of(account_id)],
        )
        .await
        .map_err(failed("add account"))?;
    Ok(account_id)
}

/// Gives an account another name.
///
/// # Errors
/// As [`add_account`].
pub async fn rename_account(
    client: &impl GenericClient,
    account_id: Uuid,
    name: &str,
) -> Result<()> {
    let name = checked("name", name, NAME_CHARACTERS)?;
    client
        .execute(
            include_str!("../../sql/rename_account.sql"),
            &[&account_id, &name],
        )
        .await
        .map_err(failed("rename account"))?;
    Ok(())
}

/// A name that people are shown, trimmed.
pub(super) fn checked<'a>(field: &str, name: &'a str, longest: usize) -> Result<&'a str> {
    let name = name.trim();
    let characters = name.chars().count();
    if (1..=longest).contains(&characters) && !name.chars().any(char::is_control) {
        return Ok(name);
    }
    Err(Error::new(
        Kind::Invalid,
        format!("{field}: 1 to {longest} printable characters are needed"),
    ))
}
