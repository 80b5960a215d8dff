//! The identities of a provider by which the own account signs in.

use super::account::only_browsers;
use super::answer::{Answer, empty, json};
use super::call::Call;
use crate::auth;
use crate::error::Result;
use crate::postgres::failed;
use hyper::StatusCode;
use serde_json::json as value;
use uuid::Uuid;

/// `GET /api/v1/me/identities`.
pub async fn list(call: &Call<'_>) -> Result<Answer> {
    let client = call.client().await?;
    let session = call.session(&client).await?;
    let identities = auth::identities_of(&client, session.account_id).await?;
    Ok(json(StatusCode::OK, &value!({ "identities": identities })))
}

/// `DELETE /api/v1/me/identities/{identity_id}`: it does not sign in any more. Sessions go on.
pub async fn unlink(call: &Call<'_>, identity_id: Uuid) -> Result<Answer> {
    let mut client = call.client().await?;
    let session = call.session(&client).await?;
    only_browsers(&session)?;
    let transaction = client.transaction().await.map_err(failed("begin unlink"))?;
    auth::acting(&transaction, &session, call.address).await?;
    auth::hold_session(&transaction, &session).await?;
    auth::unlink_identity(&transaction, session.account_id, identity_id).await?;
    transaction
        .commit()
        .await
        .map_err(failed("commit unlink"))?;
    Ok(empty(StatusCode::NO_CONTENT))
}
