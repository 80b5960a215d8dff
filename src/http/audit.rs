//! The record of who changed which right, signed in or was refused.

use super::act::Act;
use super::answer::{Answer, json_lines, json_text};
use super::call::{Call, parameter};
use crate::auth::Hold;
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use hyper::StatusCode;
use hyper::http::request::Parts;
use uuid::Uuid;

/// Most entries of one answer.
const MOST: i64 = 1000;
/// Entries of one answer, unless `limit` says otherwise.
const USUAL: i64 = 100;

/// `GET …/audit`: the newest entries; those older than an entry with `?before=`. With
/// `?format=jsonl` one JSON object a line.
pub async fn list(call: &Call<'_>, org_id: Uuid) -> Result<Answer> {
    let before = number(call.head, "before")?.unwrap_or(i64::MAX);
    let limit = number(call.head, "limit")?.unwrap_or(USUAL).min(MOST);
    let is_lines = match parameter(call.head, "format") {
        None | Some("json") => false,
        Some("jsonl") => true,
        Some(_) => return Err(Error::new(Kind::Invalid, "format: must be json or jsonl")),
    };
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Shared).await?;
    act.admin()?;
    let rows = act
        .transaction
        .query(
            include_str!("../../sql/list_audit.sql"),
            &[&org_id, &before, &(limit + 1)],
        )
        .await
        .map_err(failed("read audit"))?;
    let shown = rows.iter().zip(0..limit);
    let entries: Vec<String> = shown.map(|(row, _)| row.get("body")).collect();
    if is_lines {
        return Ok(json_lines(&entries));
    }
    let has_more = rows.len() > entries.len();
    let body = format!(
        "{{\"entries\":[{}],\"more\":{has_more}}}",
        entries.join(",")
    );
    Ok(json_text(StatusCode::OK, body))
}

fn number(head: &Parts, name: &str) -> Result<Option<i64>> {
    let Some(text) = parameter(head, name) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number) if number > 0 => Ok(Some(number)),
        _ => Err(Error::new(
            Kind::Invalid,
            format!("{name}: must be a whole number above 0"),
        )),
    }
}
