//! What two moments differ in, and who wrote what stands there.

use super::{Past, Wanted, by, open};
use crate::document::history::{Comparison, by_author, instant};
use crate::document::tree::Named;
use crate::error::{Error, Kind, Result};
use crate::http::answer::{Answer, json};
use crate::http::call::Call;
use hyper::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

/// Edits of one author that are not further apart make one span, in microseconds: five minutes.
const SPAN_US: i64 = 5 * 60 * 1_000_000;

/// `GET …/history/comparison?from=&to=`: both moments in one page; without `from` just the one.
pub async fn compare(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let to = Wanted::of(call.head, "to")?.unwrap_or(Wanted::NOW);
    let from = Wanted::of(call.head, "from")?.unwrap_or_else(|| to.clone());
    let past = open(call, org_id, document_id, &[from, to]).await?;
    let comparison = compared(&past)?;
    let lines: Vec<Value> = comparison
        .lines
        .iter()
        .map(|line| {
            let runs = line.runs.iter().map(|run| {
                json!({
                    "change": run.change,
                    "text": run.text,
                    "marks": run.marks,
                    "set": run.set,
                    "by": by(run.by.as_ref()),
                })
            });
            json!({
                "change": line.change,
                "attributes": line.attributes,
                "set": line.set,
                "by": by(line.by.as_ref()),
                "runs": runs.collect::<Vec<_>>(),
            })
        })
        .collect();
    let body = json!({"title": past.title, "lines": lines, "authors": past.authors});
    Ok(json(StatusCode::OK, &body))
}

/// `GET …/history/differences?from=&to=`: only what differs, by places in the plain texts.
pub async fn differences(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let missing = || Error::new(Kind::Invalid, "from: is missing");
    let from = Wanted::of(call.head, "from")?.ok_or_else(missing)?;
    let to = Wanted::of(call.head, "to")?.unwrap_or(Wanted::NOW);
    let past = open(call, org_id, document_id, &[from, to]).await?;
    let differences: Vec<Value> = compared(&past)?
        .differences()
        .into_iter()
        .map(|difference| {
            let set: Named = difference.set;
            json!({
                "change": difference.change,
                "from": difference.from,
                "to": difference.to,
                "text": difference.text,
                "set": set,
                "by": by(difference.by.as_ref()),
            })
        })
        .collect();
    let body = json!({"differences": differences, "authors": past.authors});
    Ok(json(StatusCode::OK, &body))
}

/// `GET …/history/blame?at=`: who wrote what, in spans that together are the text.
pub async fn blame(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let at = Wanted::of(call.head, "at")?.unwrap_or(Wanted::NOW);
    let past = open(call, org_id, document_id, &[at]).await?;
    let spans = tokio::task::block_in_place(|| past.history.blame(&past.moments[0], &past.budget))?;
    let spans: Vec<Value> = by_author(spans, SPAN_US)
        .into_iter()
        .map(|span| {
            json!({
                "start": span.start,
                "end": span.end,
                "text": span.text,
                "account_id": (!span.is_folded()).then_some(span.account_id),
                "edit_id": (!span.is_folded()).then(|| span.edit_id.to_string()),
                "from": instant::write(span.from_us),
                "to": instant::write(span.to_us),
            })
        })
        .collect();
    let body = json!({"spans": spans, "authors": past.authors});
    Ok(json(StatusCode::OK, &body))
}

fn compared(past: &Past) -> Result<Comparison> {
    tokio::task::block_in_place(|| {
        let [from, to] = &past.moments[..] else {
            return Err(Error::new(Kind::Internal, "two moments were asked for"));
        };
        past.history.compare(from, to, &past.budget)
    })
}
