//! Who worked on a document and when.

use super::PAUSE_US;
use super::look;
use crate::error::{Error, Kind, Result};
use crate::http::act::Parameters;
use crate::http::answer::{Answer, json_text};
use crate::http::call::{Call, parameter};
use crate::postgres::{PoolClient, failed};
use hyper::StatusCode;
use serde_json::json;
use tokio_postgres::Row;
use uuid::Uuid;

/// Most sittings of one answer.
const SITTINGS: i64 = 200;

/// `GET …/documents/{document_id}/history?after=&limit=`: the sittings, the newest first.
pub async fn list(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    // A sitting is named by its place from the oldest on, which stays.
    let after = match parameter(call.head, "after") {
        None => i64::MAX,
        Some(text) => text
            .parse()
            .ok()
            .filter(|after| *after >= 0)
            .ok_or_else(|| {
                let context = "after: must be what an answer's next said";
                Error::new(Kind::Invalid, context)
            })?,
    };
    let limit = match parameter(call.head, "limit") {
        None => SITTINGS,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=SITTINGS).contains(limit))
            .ok_or_else(|| {
                let context = format!("limit: must be a whole number from 1 to {SITTINGS}");
                Error::new(Kind::Invalid, context)
            })?,
    };
    let mut reader = call.context.pool.reader().await?;
    let parameters: Parameters<'_> = &[&org_id, &document_id, &PAUSE_US, &after, &(limit + 1)];
    let (rows, kept) = match read(call, &mut reader.client, org_id, document_id, parameters).await {
        Err(error) if reader.is_to_blame(&error) => {
            drop(reader);
            let mut client = call.client().await?;
            read(call, &mut client, org_id, document_id, parameters).await?
        }
        read => read?,
    };
    let shown = rows.len().min(limit as usize);
    let next = match rows.len() > shown {
        true => json!(rows[shown - 1].get::<_, i64>("sitting").to_string()),
        false => json!(null),
    };
    let bodies: Vec<&str> = rows[..shown].iter().map(|row| row.get("body")).collect();
    let (days, since): (Option<i32>, Option<String>) = (kept.get("days"), kept.get("since"));
    let kept = json!({"days": days, "since": since});
    let body = format!(
        "{{\"sittings\":[{}],\"next\":{next},\"kept\":{kept}}}",
        bodies.join(",")
    );
    Ok(json_text(StatusCode::OK, body))
}

/// The sittings, and for how long history is kept.
async fn read(
    call: &Call<'_>,
    client: &mut PoolClient,
    org_id: Uuid,
    document_id: Uuid,
    parameters: Parameters<'_>,
) -> Result<(Vec<Row>, Row)> {
    let (act, _) = look(call, client, org_id, document_id).await?;
    let sql = include_str!("../../../sql/list_sittings.sql");
    let rows = act.transaction.query(sql, parameters).await;
    let sql = include_str!("../../../sql/history_kept.sql");
    let of: Parameters<'_> = &[&org_id, &document_id];
    let kept = act.transaction.query_one(sql, of).await;
    Ok((
        rows.map_err(failed("list sittings"))?,
        kept.map_err(failed("read how long history is kept"))?,
    ))
}
