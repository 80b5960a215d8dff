//! API tokens: sessions for programs, with scopes. Only browsers make and end them.

use super::account::only_browsers;
use super::answer::{Answer, json};
use super::call::Call;
use crate::auth::{self, ApiToken, Scopes, TOKEN_DAYS};
use crate::error::Result;
use crate::postgres::failed;
use hyper::StatusCode;
use serde::Serialize;

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
    let days = fields.needed_number("days", 1..=TOKEN_DAYS)?;
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
