//! Inviting people into an organisation.

use super::act::Act;
use super::answer::{Answer, json};
use super::call::Call;
use super::guard::page_origin;
use crate::auth::{self, Hold};
use crate::error::{Error, Kind, Result};
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
    let fields = call.fields()?;
    let document_id = fields.id("document_id")?;
    let role = match fields.one_of("role", &["admin", "member", "guest"])? {
        Some("admin") => "admin",
        Some("guest") => "guest",
        _ => "member",
    };
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Shared).await?;
    match (act.member()?, role) {
        ("guest", _) => return Err(Error::new(Kind::Forbidden, "guests may not invite")),
        ("member", "admin") => {
            let context = "only owners and admins may invite admins";
            return Err(Error::new(Kind::Forbidden, context));
        }
        _ => {}
    }
    let created_by = act.session.account_id;
    if let Some(document_id) = document_id {
        auth::access(&act.transaction, created_by, org_id, document_id)
            .await?
            .ok_or_else(|| Error::new(Kind::NotFound, "document_id: there is no such document"))?;
    }
    let invitation = auth::invite(&act.transaction, created_by, org_id, document_id, role).await?;
    act.commit().await?;
    let origin = page_origin(call.context, call.head);
    let link = Link {
        url: format!("{origin}/welcome#{}", invitation.token.reveal()),
        expires_at: invitation.expires_at,
    };
    Ok(json(StatusCode::CREATED, &link))
}
