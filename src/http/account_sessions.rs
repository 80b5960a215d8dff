//! Where an account is signed in, and signing out there.

use super::account::only_browsers;
use super::answer::{Answer, empty, json, with};
use super::call::Call;
use super::cookie;
use crate::auth::{self, Device, SessionKind};
use crate::error::Result;
use crate::postgres::failed;
use hyper::StatusCode;
use hyper::header::SET_COOKIE;
use serde::Serialize;
use uuid::Uuid;

/// `GET /api/v1/me/sessions`.
pub async fn list(call: &Call<'_>) -> Result<Answer> {
    #[derive(Serialize)]
    struct Sessions {
        sessions: Vec<Device>,
    }
    let client = call.client().await?;
    let session = call.session(&client).await?;
    let sessions = auth::devices(&client, &session).await?;
    Ok(json(StatusCode::OK, &Sessions { sessions }))
}

/// `DELETE /api/v1/me/sessions`: signs out in every browser.
pub async fn end_all(call: &Call<'_>) -> Result<Answer> {
    end(call, None).await?;
    let answer = empty(StatusCode::NO_CONTENT);
    Ok(with(answer, SET_COOKIE, &cookie::signed_out(call)))
}

/// `DELETE /api/v1/me/sessions/{session_id}` and `…/me/tokens/{session_id}`: ends one of the kind.
pub async fn end_one(call: &Call<'_>, session_id: Uuid, kind: SessionKind) -> Result<Answer> {
    end(call, Some((session_id, kind))).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

async fn end(call: &Call<'_>, one: Option<(Uuid, SessionKind)>) -> Result<()> {
    let mut client = call.client().await?;
    let session = call.session(&client).await?;
    only_browsers(&session)?;
    let transaction = client
        .transaction()
        .await
        .map_err(failed("begin end of sessions"))?;
    auth::acting(&transaction, &session, call.address).await?;
    let account_id = session.account_id;
    match one {
        None => auth::end_browser_sessions(&transaction, account_id, None).await?,
        Some((one, kind)) => auth::end_own_session(&transaction, account_id, one, kind).await?,
    }
    transaction
        .commit()
        .await
        .map_err(failed("commit end of sessions"))
}
