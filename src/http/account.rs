//! The account of whoever is signed in: its name and its password.

use super::answer::{Answer, empty, json, with};
use super::call::Call;
use super::cookie;
use crate::auth::{self, For, Organisation, Session, SessionKind, Subject, organisations_of};
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use deadpool_postgres::GenericClient;
use hyper::StatusCode;
use hyper::header::SET_COOKIE;
use serde::Serialize;
use uuid::Uuid;

/// Who is signed in, and where they belong.
#[derive(Serialize)]
pub struct Me {
    account: OwnAccount,
    organisations: Vec<Organisation>,
}

#[derive(Serialize)]
struct OwnAccount {
    account_id: Uuid,
    name: String,
    color: String,
    /// None: it comes in by one-time links only.
    email: Option<String>,
    /// It may see how the installation is.
    may_oversee: bool,
}

impl Me {
    /// Of a session.
    pub async fn of(client: &impl GenericClient, session: Session) -> Result<Self> {
        let login = auth::login_of(client, session.account_id).await?;
        Ok(Self {
            organisations: organisations_of(client, session.account_id).await?,
            account: OwnAccount {
                account_id: session.account_id,
                name: session.name,
                color: session.color,
                email: login.map(|login| login.email),
                may_oversee: auth::may_oversee(client, session.account_id).await?,
            },
        })
    }
}

/// `GET /api/v1/me`.
pub async fn show(call: &Call<'_>) -> Result<Answer> {
    let client = call.client().await?;
    let session = call.session(&client).await?;
    Ok(json(StatusCode::OK, &Me::of(&client, session).await?))
}

/// `PATCH /api/v1/me`: another name. Those who have a document open see it when they join again.
pub async fn rename(call: &Call<'_>) -> Result<Answer> {
    let fields = call.fields()?;
    let name = fields.needed_text("name")?;
    let mut client = call.client().await?;
    let session = call.session(&client).await?;
    let transaction = client.transaction().await.map_err(failed("begin rename"))?;
    auth::acting(&transaction, &session, call.address).await?;
    auth::hold_session(&transaction, &session).await?;
    auth::rename_account(&transaction, session.account_id, name).await?;
    transaction
        .commit()
        .await
        .map_err(failed("commit rename"))?;
    show(call).await
}

/// `PUT /api/v1/me/password`: sets mail address and password. Whoever is signed in elsewhere with
/// the former password is signed out; this browser gets a new session.
pub async fn set_password(call: &Call<'_>) -> Result<Answer> {
    let fields = call.fields()?;
    let password = fields.needed_secret("password")?;
    auth::check_password(password)?;
    let client = call.client().await?;
    let session = call.session(&client).await?;
    only_browsers(&session)?;
    let mut own = auth::login_of(&client, session.account_id).await?;
    // None is held while passwords are hashed.
    drop(client);
    let email = match (fields.text("email")?, &own) {
        (None, Some(own)) => own.email.clone(),
        _ => auth::check_email(fields.needed_text("email")?)?,
    };
    if let Some(own) = &mut own {
        let current = fields.needed_secret("current_password")?;
        auth::verify_again(&call.context.pool, own, current, call.address).await?;
    }
    let client = call.client().await?;
    auth::count_attempt(&client, &[Subject::passwords(session.account_id)]).await?;
    drop(client);
    let hash = auth::hash_password(password, For::Account(session.account_id)).await?;

    let mut client = call.client().await?;
    let transaction = client
        .transaction()
        .await
        .map_err(failed("begin set_password"))?;
    auth::acting(&transaction, &session, call.address).await?;
    if let Some(own) = &own {
        auth::hold_login(&transaction, own).await?;
    }
    auth::hold_session(&transaction, &session).await?;
    auth::set_login(&transaction, session.account_id, &email, &hash).await?;
    auth::end_browser_sessions(&transaction, session.account_id, None).await?;
    let (_, token) =
        auth::start_session(&transaction, session.account_id, call.user_agent()).await?;
    transaction
        .commit()
        .await
        .map_err(failed("commit set_password"))?;
    let answer = empty(StatusCode::NO_CONTENT);
    Ok(with(answer, SET_COOKIE, &cookie::signed_in(call, &token)))
}

/// What a program that holds an API token could use to outlive it.
pub fn only_browsers(session: &Session) -> Result<()> {
    match session.kind {
        SessionKind::Browser => Ok(()),
        SessionKind::Token => Err(Error::new(
            Kind::Forbidden,
            "API tokens may not do this; sign in with a browser",
        )),
    }
}
