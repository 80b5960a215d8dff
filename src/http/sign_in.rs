//! Coming in and going out: one-time links, mail address and password, signing out.

use super::account::Me;
use super::answer::{Answer, empty, json, with};
use super::call::Call;
use super::cookie;
use super::create_document::create_document;
use crate::auth::{
    self, For, LinkKind, Organisation, Session, SignIn, Subject, Token, acting_unknown,
    look_at_link, use_link,
};
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use deadpool_postgres::Transaction;
use hyper::StatusCode;
use hyper::header::SET_COOKIE;
use serde::Serialize;
use uuid::Uuid;

/// Title of the document that a new installation begins with.
pub const FIRST_TITLE: &str = "Welcome to Quire";

#[derive(Serialize)]
struct Account<'a> {
    account_id: Uuid,
    name: &'a str,
    color: &'a str,
}

/// Somebody has come in: who, and where to.
#[derive(Serialize)]
struct Welcome<'a> {
    account: Account<'a>,
    organisation: Organisation,
    document_id: Option<Uuid>,
}

/// The answer to somebody who has just come in by a link or by signing up.
pub fn welcomed(
    call: &Call<'_>,
    status: StatusCode,
    (session, token): (&Session, &Token),
    organisation: Organisation,
    document_id: Option<Uuid>,
) -> Answer {
    let account = Account {
        account_id: session.account_id,
        name: &session.name,
        color: &session.color,
    };
    let welcome = Welcome {
        account,
        organisation,
        document_id,
    };
    let cookie = cookie::signed_in(call, token);
    with(json(status, &welcome), SET_COOKIE, &cookie)
}

/// `POST /api/v1/welcome`: uses a link, and sets mail address and password when they are given. The
/// first link of an installation also makes the first document; all of it in one transaction.
pub async fn welcome(call: &Call<'_>) -> Result<Answer> {
    let fields = call.fields()?;
    let token = link_token(fields.needed_text("token")?)?;
    let name = fields.text("name")?.unwrap_or("");
    let login = match (fields.text("email")?, fields.secret("password")?) {
        (None, None) => None,
        _ => {
            let email = auth::check_email(fields.needed_text("email")?)?;
            let password = fields.needed_secret("password")?;
            auth::check_password(password)?;
            // Nobody is worth the work who has no link.
            let client = call.client().await?;
            look_at_link(&client, &token).await?;
            auth::count_attempt(&client, &[Subject::address(call.address)]).await?;
            drop(client);
            let whose = For::Address(call.address);
            Some((email, auth::hash_password(password, whose).await?))
        }
    };
    let mut client = call.client().await?;
    let transaction = client
        .transaction()
        .await
        .map_err(failed("begin welcome"))?;
    acting_unknown(&transaction, call.address).await?;
    call.end_former(&transaction).await?;
    let mut sign_in = use_link(&transaction, &token, name, call.user_agent()).await?;
    let session = &sign_in.session;
    let is_counted = login.is_some();
    if let Some((email, hash)) = login {
        auth::set_login(&transaction, session.account_id, &email, &hash).await?;
        let except = Some(session.session_id);
        auth::end_browser_sessions(&transaction, session.account_id, except).await?;
    }
    first_document(&transaction, &mut sign_in).await?;
    if is_counted {
        auth::forgive_address(&transaction, call.address).await?;
    }
    transaction
        .commit()
        .await
        .map_err(failed("commit welcome"))?;
    let signed_in = (&sign_in.session, &sign_in.token);
    let (organisation, document_id) = (sign_in.organisation, sign_in.document_id);
    let status = StatusCode::OK;
    Ok(welcomed(call, status, signed_in, organisation, document_id))
}

/// Makes the first document of an installation when its first link was used.
pub async fn first_document(transaction: &Transaction<'_>, sign_in: &mut SignIn) -> Result<()> {
    if sign_in.kind == LinkKind::First && sign_in.document_id.is_none() {
        let org_id = sign_in.organisation.org_id;
        let created_by = sign_in.session.account_id;
        let document_id =
            create_document(transaction, org_id, None, created_by, FIRST_TITLE, None).await?;
        sign_in.document_id = Some(document_id);
    }
    Ok(())
}

/// `POST /api/v1/welcome/preview`: says what a link would do. The secret stands in the body, so no
/// log of addresses has it.
pub async fn preview(call: &Call<'_>) -> Result<Answer> {
    let token = link_token(call.fields()?.needed_text("token")?)?;
    let client = call.client().await?;
    let preview = look_at_link(&client, &token).await?;
    Ok(json(StatusCode::OK, &preview))
}

/// `POST /api/v1/session`: signs in by mail address and password.
pub async fn sign_in(call: &Call<'_>) -> Result<Answer> {
    let fields = call.fields()?;
    let (email, password) = (
        fields.needed_text("email")?,
        fields.needed_secret("password")?,
    );
    let pool = &call.context.pool;
    let login = auth::verify_login(pool, email, password, call.address).await?;
    let mut client = call.client().await?;
    let transaction = client
        .transaction()
        .await
        .map_err(failed("begin sign-in"))?;
    acting_unknown(&transaction, call.address).await?;
    let (session, token) = auth::start_login(&transaction, &login, call.user_agent()).await?;
    call.end_former(&transaction).await?;
    let me = Me::of(&transaction, session).await?;
    transaction
        .commit()
        .await
        .map_err(failed("commit sign-in"))?;
    let cookie = cookie::signed_in(call, &token);
    Ok(with(json(StatusCode::OK, &me), SET_COOKIE, &cookie))
}

/// `DELETE /api/v1/session`: signs out everywhere this session is used. Whoever is not signed in
/// is signed out already.
pub async fn sign_out(call: &Call<'_>) -> Result<Answer> {
    let mut client = call.client().await?;
    match call.session(&client).await {
        Ok(session) => {
            let transaction = client
                .transaction()
                .await
                .map_err(failed("begin sign-out"))?;
            auth::acting(&transaction, &session, call.address).await?;
            auth::end_session(&transaction, session.session_id).await?;
            transaction
                .commit()
                .await
                .map_err(failed("commit sign-out"))?;
        }
        Err(error) if error.kind() == Kind::SignedOut => {}
        Err(error) => return Err(error),
    }
    let answer = empty(StatusCode::NO_CONTENT);
    Ok(with(answer, SET_COOKIE, &cookie::signed_out(call)))
}

/// What cannot be a token was never a link.
pub fn link_token(text: &str) -> Result<Token> {
    Token::parse(text).ok_or_else(|| {
        Error::new(
            Kind::Gone,
            "this link is not complete or not known; ask for a new one",
        )
    })
}
