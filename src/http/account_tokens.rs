//! API tokens: sessions for programs, with scopes. Only browsers make and end them.

use super::account::only_browsers;
use super::answer::{Answer, empty, json};
use super::call::Call;
use crate::auth::{self, ApiToken, Scopes, SessionKind, TOKEN_DAYS};
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use hyper::StatusCode;
use serde::Serialize;
use uuid::Uuid;

/// `GET /api/v1/me/tokens`.
pub async fn list(call: &Call<'_>) -> Result<Answer> {
    #[derive(Serialize)]
    struct Tokens {
        tokens: Vec<ApiToken>,
    }
    let client = call.client().await?;
    let session = call.session(&client).await?;
    let tokens = auth::api_tokens(&client, &session).await?;
    Ok(json(StatusCode::OK, &Tokens { tokens }))
}

/// `POST /api/v1/me/tokens`: makes one and tells its secret, this once.
pub async fn make(call: &Call<'_>) -> Result<Answer> {
    #[derive(Serialize)]
    struct Made {
        #[serde(flatten)]
        api_token: ApiToken,
        token: String,
    }
    let fields = call.fields()?;
    let name = fields.needed_text("name")?;
    let scopes = Scopes::parse(&fields.texts("scopes")?)?;
    let missing = || Error::new(Kind::Invalid, "days: is missing");
    let days = fields.number("days", 1..=TOKEN_DAYS)?.ok_or_else(missing)?;
    let mut client = call.client().await?;
    let session = call.session(&client).await?;
    only_browsers(&session)?;
    let transaction = client
        .transaction()
        .await
        .map_err(failed("begin API token"))?;
    auth::acting(&transaction, &session, call.address).await?;
    auth::hold_session(&transaction, &session).await?;
    let (api_token, token) =
        auth::make_api_token(&transaction, &session, name, scopes, days).await?;
    transaction
        .commit()
        .await
        .map_err(failed("commit API token"))?;
    let token = token.reveal();
    Ok(json(StatusCode::CREATED, &Made { api_token, token }))
}

/// `DELETE /api/v1/me/tokens/{session_id}`.
pub async fn end(call: &Call<'_>, session_id: Uuid) -> Result<Answer> {
    let mut client = call.client().await?;
    let session = call.session(&client).await?;
    only_browsers(&session)?;
    let transaction = client
        .transaction()
        .await
        .map_err(failed("begin end of API token"))?;
    auth::acting(&transaction, &session, call.address).await?;
    let account_id = session.account_id;
    auth::end_own_session(&transaction, account_id, session_id, SessionKind::Token).await?;
    transaction
        .commit()
        .await
        .map_err(failed("commit end of API token"))?;
    Ok(empty(StatusCode::NO_CONTENT))
}
