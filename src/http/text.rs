//! The plain text of a document, from its rows: everything that is committed, whether or not this
//! server has the document open.

use super::answer::{Answer, text};
use super::call::Call;
use super::documents::{in_bin, no_document};
use crate::auth::{Permission, access};
use crate::document::load::load;
use crate::document::trial::DocKey;
use crate::error::Result;
use crate::postgres::failed;
use hyper::StatusCode;
use std::collections::BTreeSet;
use uuid::Uuid;

/// `GET …/documents/{document_id}/text`.
pub async fn show(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let client = call.client().await?;
    let session = call.session(&client).await?;
    let access = access(&client, session.account_id, org_id, document_id)
        .await?
        .ok_or_else(no_document)?;
    if access.permission == Permission::None {
        return Err(in_bin());
    }
    let system_identifier: i64 = client
        .query_one(include_str!("../../sql/system_identifier.sql"), &[])
        .await
        .map_err(failed("read system identifier"))?
        .get("system_identifier");
    // Loading takes a connection of its own.
    drop(client);
    let document = DocKey {
        org_id,
        document_id,
    };
    let loaded = load(
        &call.context.pool,
        document,
        // Postgres shows the 64 bits as a signed number.
        system_identifier as u64,
        &mut BTreeSet::new(),
    )
    .await?;
    // A long document takes milliseconds: others on this thread go elsewhere meanwhile.
    let body = tokio::task::block_in_place(|| loaded.live.text())?;
    Ok(text(StatusCode::OK, body))
}
