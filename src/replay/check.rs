//! Whether the right text is everywhere: at every server, and in the rows.

use futures_util::TryStreamExt;
use loro::LoroDoc;
use uuid::Uuid;

use crate::client::{Address, Client, Options};
use crate::document::blocks::plain_text;
use crate::error::{Error, Kind, Result};
use crate::postgres::{Pool, failed};

/// A text made from rows alone.
pub struct Rebuilt {
    /// The text.
    pub text: String,
    /// How many rows there were.
    pub rows: usize,
    /// Their updates' lengths together.
    pub update_bytes: usize,
}

/// The text that a fresh client finds at each server.
///
/// # Errors
/// When it cannot join.
pub async fn texts(addresses: &[Address], token: &str, room: &str) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for address in addresses {
        let client = Client::start(Options::new(vec![address.clone()], token, room, "check"));
        client.joined().await?;
        texts.push(client.text());
        client.close().await;
    }
    Ok(texts)
}

/// Makes the text from the document's rows, without a snapshot and without a server.
///
/// # Errors
/// As the database fails; `Internal` when the rows are not a whole history.
pub async fn rebuild(pool: &Pool, org_id: &str, document_id: &str) -> Result<Rebuilt> {
    let context = "read a document's edits";
    let uuid = |text: &str| {
        Uuid::parse_str(text).map_err(|error| Error::caused(Kind::Invalid, "read an id", error))
    };
    let client = pool.get().await.map_err(failed(context))?;
    let rows = client
        .query_raw(
            "select update from quire.fold where org_id = $1 and document_id = $2 union all \
             (select update from quire.edit where org_id = $1 and document_id = $2 \
             order by xid, edit_id)",
            [uuid(org_id)?, uuid(document_id)?],
        )
        .await
        .map_err(failed(context))?;
    let updates: Vec<Vec<u8>> = rows
        .and_then(|row| std::future::ready(row.try_get(0)))
        .try_collect()
        .await
        .map_err(failed(context))?;
    let doc = LoroDoc::new();
    let status = doc
        .import_batch(&updates)
        .map_err(|error| Error::caused(Kind::Internal, "import the rows", error))?;
    if status.pending.is_some() {
        return Err(Error::new(Kind::Internal, "the rows lack operations"));
    }
    Ok(Rebuilt {
        text: plain_text(&doc),
        rows: updates.len(),
        update_bytes: updates.iter().map(Vec::len).sum(),
    })
}
