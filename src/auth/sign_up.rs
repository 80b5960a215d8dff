//! Signing up: a new account with an organisation of its own.

use super::link::Organisation;
use super::session::{Session, start_session};
use super::{Token, account, add_account, set_login};
use crate::error::Result;
use crate::postgres::failed;
use deadpool_postgres::Transaction;
use uuid::Uuid;

/// Who signs up, as they said.
#[derive(Debug)]
pub struct SignUp<'a> {
    /// Their display name.
    pub name: &'a str,
    /// What their organisation is called.
    pub organisation: &'a str,
    /// Their mail address, checked.
    pub email: &'a str,
}

/// Makes the account, its organisation and its first session.
///
/// # Errors
/// `Invalid` when a name is empty or too long, `Conflict` when the mail address is taken.
pub async fn sign_up(
    transaction: &Transaction<'_>,
    who: &SignUp<'_>,
    password_hash: &str,
    user_agent: &str,
) -> Result<(Session, Token, Organisation)> {
    let account_id = add_account(transaction, who.name).await?;
    set_login(transaction, account_id, who.email, password_hash).await?;
    let organisation = add_organisation(transaction, account_id, who.organisation).await?;
    let (session, token) = start_session(transaction, account_id, user_agent).await?;
    Ok((session, token, organisation))
}

/// Makes an organisation that the account owns.
///
/// # Errors
/// `Invalid`, naming the field `organisation`, when its name is empty or too long.
pub async fn add_organisation(
    transaction: &Transaction<'_>,
    account_id: Uuid,
    name: &str,
) -> Result<Organisation> {
    let name = account::checked("organisation", name, 200)?;
    let organisation = Organisation {
        org_id: Uuid::new_v4(),
        name: name.to_owned(),
        role: "owner".to_owned(),
    };
    transaction
        .execute(
            include_str!("../../sql/add_organisation.sql"),
            &[&organisation.org_id, &name],
        )
        .await
        .map_err(failed("add organisation"))?;
    transaction
        .execute(
            include_str!("../../sql/add_member.sql"),
            &[&organisation.org_id, &account_id, &organisation.role],
        )
        .await
        .map_err(failed("add owner"))?;
    Ok(organisation)
}
