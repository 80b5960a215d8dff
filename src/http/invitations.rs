//! Inviting people into an organisation.

use super::answer::{Answer, json};
use super::call::Call;
use super::guard::page_origin;
use crate::auth;
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use hyper::StatusCode;
use serde::Serialize;
use uuid::Uuid;

/// `POST …/invitations`: a one-time link that makes a member. The secret stands in the fragment,
/// so no server ever logs it.
pub async fn invite(call: &Call<'_>, org_id: Uuid) -> Result<Answer> {
    #[derive(Serialize)]
    struct Link {
        url: String,
        expires_at: String,
    }
    let document_id = call.fields()?.id("document_id")?;
    let mut client = call.client().await?;
    let session = call.session(&client).await?;
    let transaction = client
        .transaction()
        .await
        .map_err(failed("begin invitation"))?;
    auth::hold_authority(&transaction, &session, org_id, document_id).await?;
    let role = auth::member_role(&transaction, session.account_id, org_id).await?;
    if role.is_none_or(|role| role == "guest") {
        return Err(Error::new(Kind::Forbidden, "guests may not invite"));
    }
    if let Some(document_id) = document_id {
        auth::access(&transaction, session.account_id, org_id, document_id)
            .await?
            .ok_or_else(|| Error::new(Kind::NotFound, "document_id: there is no such document"))?;
    }
    let invitation = auth::invite(&transaction, session.account_id, org_id, document_id).await?;
    transaction
        .commit()
        .await
        .map_err(failed("commit invitation"))?;
    let origin = page_origin(call.context, call.head);
    let link = Link {
        url: format!("{origin}/welcome#{}", invitation.token.reveal()),
        expires_at: invitation.expires_at,
    };
    Ok(json(StatusCode::CREATED, &link))
}
