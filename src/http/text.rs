//! The plain text of a document, from its rows: everything that is committed, whether or not this
//! server has the document open.

use super::answer::{Answer, text};
use super::call::Call;
use super::documents::{in_bin, no_document};
use crate::auth::{Permission, access};
use crate::document::live::LiveDocument;
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use hyper::StatusCode;
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
    // One statement, so that the fold and what came after it are read under one snapshot.
    let rows = client
        .query(
            include_str!("../../sql/stored_document.sql"),
            &[&org_id, &document_id],
        )
        .await
        .map_err(failed("read document"))?;
    drop(client);
    // A long document takes milliseconds: not on a thread that serves sockets.
    let body = tokio::task::spawn_blocking(move || {
        let parts = rows.iter().map(|row| row.get("bytes"));
        plain_text(parts)
    })
    .await
    .map_err(|error| Error::caused(Kind::Internal, "read text", error))??;
    Ok(text(StatusCode::OK, body))
}

fn plain_text<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Result<String> {
    let mut document = LiveDocument::empty();
    for part in parts {
        match document.import(part) {
            // A row that Loro refuses is set aside, as in every live copy.
            Ok(_) => {}
            Err(error) if error.kind() == Kind::Invalid => {
                tracing::debug!(%error, "row set aside");
            }
            Err(error) => return Err(error),
        }
    }
    document.text()
}
