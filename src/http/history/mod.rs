//! The past of a document, for whoever may read it: who worked on it, what it was at any moment, what
//! two moments differ in, and versions with names.

mod differences;
mod moment;
mod restore;
mod sittings;
mod versions;

pub use differences::{blame, compare, differences};
pub use moment::Wanted;
pub use restore::{restore, undo};
pub use sittings::list;
pub use versions::{add, list as list_versions, remove, rename};

use super::act::Act;
use super::call::Call;
use super::documents::{in_bin, no_document};
use crate::auth::{Access, Permission, access};
use crate::document::history::{At, Budget, Edit, Limits, Opened, instant};
use crate::document::trial::DocKey;
use crate::error::Result;
use crate::postgres::{PoolClient, failed};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// What one request may look at.
const LIMITS: Limits = Limits {
    rows: 500_000,
    bytes: 64 * 1024 * 1024,
};
/// How long it may take.
const TIME: Duration = Duration::from_secs(20);
/// The edits of a sitting are not further apart than this, in microseconds: a quarter of an hour.
const PAUSE_US: i64 = 15 * 60 * 1_000_000;

/// A document's history, opened by somebody who may read the document.
pub struct Past {
    pub history: Opened,
    pub budget: Budget,
    pub title: String,
    /// Who wrote in it, as JSON.
    pub authors: Value,
    /// The moments that were asked for.
    pub moments: Vec<At>,
}

/// Opens a history, and finds moments in it, on a standby where there is one: who may read it is asked
/// there too, as of now.
///
/// # Errors
/// `NotFound` when there is no such document, edit or version; `Conflict` in the bin; `TooLarge` and
/// `Limited` when there is too much of it.
pub async fn open(
    call: &Call<'_>,
    org_id: Uuid,
    document_id: Uuid,
    wanted: &[Wanted],
) -> Result<Past> {
    let document = DocKey {
        org_id,
        document_id,
    };
    let mut reader = call.context.pool.reader().await?;
    match open_on(&mut reader.client, call, document, wanted).await {
        Err(error) if reader.is_to_blame(&error) => {
            drop(reader);
            open_on(&mut call.client().await?, call, document, wanted).await
        }
        opened => opened,
    }
}

async fn open_on(
    client: &mut PoolClient,
    call: &Call<'_>,
    document: DocKey,
    wanted: &[Wanted],
) -> Result<Past> {
    let DocKey {
        org_id,
        document_id,
    } = document;
    let budget = Budget::new(LIMITS, TIME);
    let era = call.context.pool.lineage().era();
    let (act, _) = look(call, client, org_id, document_id).await?;
    let histories = &call.context.histories;
    let history = histories
        .open(&act.transaction, document, era, &budget)
        .await?;
    let mut moments = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        let moment = wanted.find(&act.transaction, document).await?;
        moments.push(history.at(&moment)?);
    }
    let mut accounts: Vec<Uuid> = history.edits().iter().map(|e| e.account_id).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let authors: String = act
        .transaction
        .query_one(include_str!("../../../sql/authors.sql"), &[&accounts])
        .await
        .map_err(failed("read authors"))?
        .get("body");
    let title = act
        .transaction
        .query_opt(
            include_str!("../../../sql/document_title.sql"),
            &[&org_id, &document_id],
        )
        .await
        .map_err(failed("read title"))?
        .ok_or_else(no_document)?
        .get("title");
    Ok(Past {
        history,
        budget,
        title,
        authors: serde_json::from_str(&authors).unwrap_or_default(),
        moments,
    })
}

/// Begins a request of somebody who may read the document.
async fn look<'c>(
    call: &Call<'_>,
    client: &'c mut PoolClient,
    org_id: Uuid,
    document_id: Uuid,
) -> Result<(Act<'c>, Access)> {
    let act = Act::look(call, client, org_id).await?;
    let access = access(
        &act.transaction,
        act.session.account_id,
        org_id,
        document_id,
    )
    .await?
    .ok_or_else(no_document)?;
    if access.permission == Permission::None {
        return Err(in_bin());
    }
    Ok((act, access))
}

/// Whose change it is, as JSON.
fn by(edit: Option<&Edit>) -> Value {
    // Whose it was that is folded is not known any more.
    let edit = edit.filter(|edit| !edit.is_folded());
    edit.map_or(Value::Null, |edit| {
        json!({
            "account_id": edit.account_id,
            "edit_id": edit.edit_id.to_string(),
            "at": instant::write(edit.created_us),
        })
    })
}
