//! A new document: its row, and its first edit, which the server writes so that opening a document
//! never has to.

use crate::document::model;
use crate::document::tree::Node;
use crate::document::update::update_meta;
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use deadpool_postgres::GenericClient;
use uuid::Uuid;

/// What a new document may have at once, in bytes of its first edit.
const SEED_BYTES: usize = 32 << 20;

/// Makes a document in one statement: the document, the peer of its first edit and that edit, which
/// is the server's for an empty page and the creator's for a page of their own. The caller has asked
/// whether `created_by` may.
///
/// # Errors
/// `TooLarge` for a page that is; `Invalid` when the title is not 1 to 300 characters; otherwise when the database fails.
pub async fn create_document(
    client: &impl GenericClient,
    org_id: Uuid,
    folder_id: Option<Uuid>,
    created_by: Uuid,
    title: &str,
    page: Option<&Node>,
) -> Result<Uuid> {
    let document_id = Uuid::new_v4();
    // Random like every peer, and never the largest number, which Loro keeps for itself: the
    // version bits of a uuid are fixed.
    let (peer, _) = Uuid::new_v4().as_u64_pair();
    let (seed, inserted) = match page {
        None => (model::seed(peer), 0),
        Some(page) => {
            let characters = page.all_text().chars().count();
            let seed = tokio::task::block_in_place(|| model::seed_with(peer, page));
            (seed, i32::try_from(characters).unwrap_or(i32::MAX))
        }
    };
    if seed.len() > SEED_BYTES {
        let context = format!(
            "the page would take {} bytes; a new document may have {} MiB",
            seed.len(),
            SEED_BYTES >> 20
        );
        return Err(Error::new(Kind::TooLarge, context));
    }
    let author = page.map(|_| created_by);
    let meta = update_meta(&seed)?;
    client
        .execute(
            include_str!("../../sql/create_document.sql"),
            &[
                &org_id,
                &document_id,
                &title,
                &created_by,
                // Postgres keeps the 64 bits as a signed number.
                &(peer as i64),
                &meta.counter_start,
                &meta.counter_end,
                &seed,
                &folder_id,
                &author,
                &inserted,
            ],
        )
        .await
        .map_err(failed("create document"))?;
    Ok(document_id)
}
