//! Bringing back what was: an edit like any other, so nothing is erased and what others type
//! meanwhile stays.

use super::{Wanted, open};
use crate::document::operations::Operation;
use crate::error::{Error, Kind, Result};
use crate::http::answer::Answer;
use crate::http::call::{Call, Fields};
use crate::http::edits::{Base, perform};
use loro::IdSpan;
use std::collections::BTreeMap;
use uuid::Uuid;

/// `POST …/history/restore`: makes everything as it was at a moment.
pub async fn restore(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let fields = call.fields()?;
    let at = wanted(&fields, "at")?.ok_or_else(|| missing("at"))?;
    let past = open(call, org_id, document_id, &[at]).await?;
    let version = past.moments[0].version.clone();
    // A document is never without its first block.
    if version.is_empty() {
        let context = "at: there was nothing yet";
        return Err(Error::new(Kind::Invalid, context));
    }
    drop(past);
    let operations = [Operation::Restore { version }];
    perform(call, org_id, document_id, &Base::Current, &operations).await
}

/// `POST …/history/undo`: takes back what was done from one moment to another, by one author or by
/// all. It is made at the later of the two and merged into what the document is now, as the edit of
/// somebody would be who has seen only that.
pub async fn undo(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let fields = call.fields()?;
    let from = wanted(&fields, "from")?.ok_or_else(|| missing("from"))?;
    let to = wanted(&fields, "to")?.unwrap_or(Wanted::NOW);
    let account_id = fields.id("account_id")?;
    let past = open(call, org_id, document_id, &[from, to]).await?;
    let (from, to) = (&past.moments[0].version, &past.moments[1].version);
    if from.is_empty() || !to.includes_vv(from) {
        let context = "from: must be a moment after the document was made and not after to";
        return Err(Error::new(Kind::Invalid, context));
    }
    let operation = match account_id {
        None => Operation::Restore {
            version: from.clone(),
        },
        Some(account_id) => {
            let mut spans: BTreeMap<u64, IdSpan> = BTreeMap::new();
            for edit in past.history.edits() {
                let [start, end] =
                    [from, to].map(|version| version.get(&edit.peer).copied().unwrap_or(0));
                let is_within = edit.counter_start >= start && edit.counter_end <= end;
                if edit.account_id == account_id && is_within {
                    spans.insert(edit.peer, IdSpan::new(edit.peer, start, end));
                }
            }
            Operation::Undo {
                spans: spans.into_values().collect(),
            }
        }
    };
    let base = Base::Counters(to.clone());
    drop(past);
    perform(call, org_id, document_id, &base, &[operation]).await
}

fn wanted(fields: &Fields, name: &str) -> Result<Option<Wanted>> {
    let text = fields.text(name)?;
    text.map(|text| Wanted::read(name, text)).transpose()
}

fn missing(name: &str) -> Error {
    Error::new(Kind::Invalid, format!("{name}: is missing"))
}
