//! Coming in and going out: one-time links, who is signed in, signing out.

use super::answer::{Answer, empty, json, with};
use super::call::Call;
use super::cookie;
use super::create_document::create_document;
use crate::auth::{
    LinkKind, Organisation, Session, Token, acting_unknown, end_session, look_at_link,
    organisations_of, use_link,
};
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use hyper::StatusCode;
use hyper::header::SET_COOKIE;
use serde::Serialize;
use uuid::Uuid;

/// Title of the document that a new installation begins with.
const FIRST_TITLE: &str = "Welcome to Quire";

#[derive(Serialize)]
struct Account<'a> {
    account_id: Uuid,
    name: &'a str,
    color: &'a str,
}

impl<'a> From<&'a Session> for Account<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            account_id: session.account_id,
            name: &session.name,
            color: &session.color,
        }
    }
}

/// `POST /api/v1/welcome`: uses a link. The first link of an installation also makes the first
/// document; all of it in one transaction.
pub async fn welcome(call: &Call<'_>) -> Result<Answer> {
    #[derive(Serialize)]
    struct Welcome<'a> {
        account: Account<'a>,
        organisation: Organisation,
        document_id: Option<Uuid>,
    }
    let fields = call.fields()?;
    let token = link_token(fields.needed_text("token")?)?;
    let name = fields.text("name")?.unwrap_or("");
    let mut client = call.client().await?;
    let transaction = client
        .transaction()
        .await
        .map_err(failed("begin welcome"))?;
    acting_unknown(&transaction, call.address).await?;
    let mut sign_in = use_link(&transaction, &token, name, call.user_agent()).await?;
    if sign_in.kind == LinkKind::First && sign_in.document_id.is_none() {
        let org_id = sign_in.organisation.org_id;
        let created_by = sign_in.session.account_id;
        let document_id =
            create_document(&transaction, org_id, None, created_by, FIRST_TITLE).await?;
        sign_in.document_id = Some(document_id);
    }
    transaction
        .commit()
        .await
        .map_err(failed("commit welcome"))?;
    let answer = json(
        StatusCode::OK,
        &Welcome {
            account: Account::from(&sign_in.session),
            organisation: sign_in.organisation,
            document_id: sign_in.document_id,
        },
    );
    Ok(with(
        answer,
        SET_COOKIE,
        &cookie::signed_in(call, &sign_in.token),
    ))
}

/// `GET /api/v1/welcome/{token}`: says what a link would do.
pub async fn link(call: &Call<'_>, token: &str) -> Result<Answer> {
    let token = link_token(token)?;
    let client = call.client().await?;
    let preview = look_at_link(&client, &token).await?;
    Ok(json(StatusCode::OK, &preview))
}

/// `GET /api/v1/me`.
pub async fn me(call: &Call<'_>) -> Result<Answer> {
    #[derive(Serialize)]
    struct Me<'a> {
        account: Account<'a>,
        organisations: Vec<Organisation>,
    }
    let client = call.client().await?;
    let session = call.session(&client).await?;
    let me = Me {
        account: Account::from(&session),
        organisations: organisations_of(&client, session.account_id).await?,
    };
    Ok(json(StatusCode::OK, &me))
}

/// `DELETE /api/v1/session`: signs out everywhere this session is used. Whoever is not signed in
/// is signed out already.
pub async fn sign_out(call: &Call<'_>) -> Result<Answer> {
    let client = call.client().await?;
    match call.session(&client).await {
        Ok(session) => end_session(&client, session.session_id).await?,
        Err(error) if error.kind() == Kind::SignedOut => {}
        Err(error) => return Err(error),
    }
    let answer = empty(StatusCode::NO_CONTENT);
    Ok(with(answer, SET_COOKIE, &cookie::signed_out(call)))
}

/// What cannot be a token was never a link.
fn link_token(text: &str) -> Result<Token> {
    Token::parse(text).ok_or_else(|| {
        Error::new(
            Kind::Gone,
            "this link is not complete or not known; ask for a new one",
        )
    })
}
