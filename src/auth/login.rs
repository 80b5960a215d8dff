//! Signing in by mail address and password. An address that nobody has is answered like a wrong
//! password, after the same work.

use super::attempt::{Subject, count_attempt, email_digest, forgive_attempt};
use super::password::{For, Verdict, hash_password, verify_password};
use super::session::{Session, start_session};
use super::{Token, acting_unknown};
use crate::error::{Error, Kind, Result};
use crate::postgres::{Pool, constraint, failed};
use deadpool_postgres::{GenericClient, Transaction};
use std::net::IpAddr;
use uuid::Uuid;

/// How an account signs in.
#[derive(Clone)]
pub struct Login {
    /// Whose it is.
    pub account_id: Uuid,
    /// Its mail address, lower case.
    pub email: String,
    password_hash: String,
}

/// A mail address as it is stored.
///
/// # Errors
/// `Invalid`, naming the field `email`, when it is none.
pub fn check_email(text: &str) -> Result<String> {
    let email = text.trim().to_lowercase();
    let is_whole = email
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
    let is_strange = |c: char| c.is_whitespace() || c.is_control();
    if !is_whole || email.len() > 254 || email.chars().any(is_strange) {
        let context = "email: this is not a mail address";
        return Err(Error::new(Kind::Invalid, context));
    }
    Ok(email)
}

/// How an account signs in; `None`: by one-time links only.
///
/// # Errors
/// When the database cannot be asked.
pub async fn login_of(client: &impl GenericClient, account_id: Uuid) -> Result<Option<Login>> {
    let row = client
        .query_opt(include_str!("../../sql/login_of.sql"), &[&account_id])
        .await
        .map_err(failed("look up login"))?;
    Ok(row.map(|row| login(&row)))
}

/// The login of somebody who knows its password. The refusal is noted in the audit.
///
/// # Errors
/// `SignedOut` when there is no such login or its password is another one, `Limited` when there
/// were too many guesses; otherwise when the database cannot be asked.
pub async fn verify_login(
    pool: &Pool,
    email: &str,
    password: &str,
    address: IpAddr,
) -> Result<Login> {
    let email = email.trim().to_lowercase();
    let client = pool.get().await.map_err(failed("connect for sign-in"))?;
    let row = client
        .query_opt(include_str!("../../sql/find_login.sql"), &[&email])
        .await
        .map_err(failed("find login"))?;
    drop(client);
    let mut found = row.map(|row| login(&row));
    if !guess(pool, &email, found.as_mut(), password, address).await? {
        let account_id = found.map(|login| login.account_id);
        note_refusal(pool, &email, account_id, address).await?;
        return Err(wrong());
    }
    found.ok_or_else(wrong)
}

/// Asks for the password of somebody who is signed in. A wrong guess counts like one at sign-in.
///
/// # Errors
/// `Forbidden`, naming the field `current_password`, when it is another one; `Limited` when there
/// were too many guesses; otherwise when the database cannot be asked.
pub async fn verify_again(
    pool: &Pool,
    own: &mut Login,
    password: &str,
    address: IpAddr,
) -> Result<()> {
    let email = own.email.clone();
    if guess(pool, &email, Some(own), password, address).await? {
        return Ok(());
    }
    let context = "current_password: this is not your password";
    Err(Error::new(Kind::Forbidden, context))
}

/// Signs a verified login in.
///
/// # Errors
/// `SignedOut` when the password has just been changed; otherwise when the database cannot be
/// asked.
pub async fn start_login(
    transaction: &Transaction<'_>,
    login: &Login,
    user_agent: &str,
) -> Result<(Session, Token)> {
    hold_login(transaction, login).await?;
    start_session(transaction, login.account_id, user_agent).await
}

/// Holds a verified login until the transaction ends.
///
/// # Errors
/// `SignedOut` when the password has just been changed; otherwise when the database cannot be
/// asked.
pub async fn hold_login(transaction: &Transaction<'_>, login: &Login) -> Result<()> {
    transaction
        .query_opt(
            include_str!("../../sql/hold_login.sql"),
            &[&login.account_id, &login.password_hash],
        )
        .await
        .map_err(failed("hold login"))?
        .ok_or_else(wrong)?;
    Ok(())
}

/// Sets how an account signs in; links for a forgotten password are void then. The caller ends the sessions that are not to outlive it.
///
/// # Errors
/// `Conflict` when another account has that mail address.
pub async fn set_login(
    transaction: &Transaction<'_>,
    account_id: Uuid,
    email: &str,
    password_hash: &str,
) -> Result<()> {
    transaction
        .execute(
            include_str!("../../sql/set_login.sql"),
            &[&account_id, &email, &password_hash],
        )
        .await
        .map_err(failed("set login"))
        .map_err(|error| match constraint(&error) {
            Some("login_email_unique") => {
                let context = "email: another account has this mail address";
                Error::new(Kind::Conflict, context)
            }
            Some("login_email_form") => {
                Error::new(Kind::Invalid, "email: this is not a mail address")
            }
            _ => error,
        })?;
    transaction
        .execute(
            include_str!("../../sql/void_password_resets.sql"),
            &[&account_id],
        )
        .await
        .map_err(failed("void password resets"))?;
    let statement = include_str!("../../sql/note_password_change.sql");
    transaction
        .execute(statement, &[&account_id])
        .await
        .map_err(failed("note change of password"))?;
    Ok(())
}

/// Whether the password is the login's; counted. No connection is held while it is compared.
async fn guess(
    pool: &Pool,
    email: &str,
    login: Option<&mut Login>,
    password: &str,
    address: IpAddr,
) -> Result<bool> {
    let own = Subject::email(email);
    let client = pool.get().await.map_err(failed("connect for sign-in"))?;
    // By the address first: one that is refused must not lock the account out for others.
    count_attempt(&client, &[Subject::address(address), own.clone()]).await?;
    drop(client);
    let hash = login.as_ref().map(|login| login.password_hash.as_str());
    let verdict = verify_password(password, hash, For::Address(address)).await?;
    let Some(login) = login.filter(|_| verdict != Verdict::Wrong) else {
        return Ok(false);
    };
    let renewed = match verdict {
        Verdict::RightButOld => Some(hash_password(password, For::Address(address)).await?),
        _ => None,
    };
    let client = pool.get().await.map_err(failed("connect for sign-in"))?;
    forgive_attempt(&client, &own, address).await?;
    if let Some(renewed) = renewed {
        let former = std::mem::replace(&mut login.password_hash, renewed);
        client
            .execute(
                include_str!("../../sql/rehash_login.sql"),
                &[&login.account_id, &former, &login.password_hash],
            )
            .await
            .map_err(failed("renew password hash"))?;
    }
    Ok(true)
}

/// What is noted does not tell the mail address to those who do not know it.
async fn note_refusal(
    pool: &Pool,
    email: &str,
    account_id: Option<Uuid>,
    address: IpAddr,
) -> Result<()> {
    let mut client = pool.get().await.map_err(failed("connect for sign-in"))?;
    let transaction = client
        .transaction()
        .await
        .map_err(failed("begin refusal"))?;
    acting_unknown(&transaction, address).await?;
    let digest = email_digest(email);
    transaction
        .execute(
            include_str!("../../sql/note_refused_sign_in.sql"),
            &[&account_id, &&digest[..12]],
        )
        .await
        .map_err(failed("note refused sign-in"))?;
    transaction.commit().await.map_err(failed("commit refusal"))
}

fn login(row: &tokio_postgres::Row) -> Login {
    Login {
        account_id: row.get("account_id"),
        email: row.get("email"),
        password_hash: row.get("password_hash"),
    }
}

fn wrong() -> Error {
    Error::new(Kind::SignedOut, "the mail address or the password is wrong")
}

#[cfg(test)]
mod tests {
    use super::check_email;

    #[test]
    fn a_mail_address_has_a_name_and_a_host() {
        assert_eq!(check_email(" Ada@Example.ORG ").unwrap(), "ada@example.org");
        let long = format!("{}@example.org", "a".repeat(250));
        for text in [
            "", "ada", "@", "ada@", "@x", "a@b@c", "a b@c", "a@b\nc", &long,
        ] {
            assert!(check_email(text).is_err(), "{text:?}");
        }
    }
}
