//! Versions with names. Whoever may read the document sees them, whoever may edit it gives, changes
//! and takes names.

use super::{Wanted, look, open};
use crate::auth::{Hold, Permission, access};
use crate::document::history::reads_as_moment;
use crate::error::{Error, Kind, Result};
use crate::http::act::Act;
use crate::http::answer::{Answer, empty, json_text};
use crate::http::call::{Call, Fields};
use crate::http::documents::{in_bin, no_document};
use crate::postgres::{PoolClient, failed};
use hyper::StatusCode;
use uuid::Uuid;

/// Longest name, in characters (constraint version_name_length).
const NAME_CHARACTERS: usize = 100;
/// Most versions of one document.
const VERSIONS: i64 = 1_000;

/// A name that stands for no other moment than the version's own, wherever it is given.
fn name_of(fields: &Fields) -> Result<&str> {
    let name = fields.needed_name("name", NAME_CHARACTERS)?;
    if reads_as_moment(name) {
        let context = "name: it would be taken for a time or for the id of an edit; add a word";
        return Err(Error::new(Kind::Invalid, context));
    }
    Ok(name)
}

/// `GET …/documents/{document_id}/versions`: the latest first.
pub async fn list(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let mut client = call.client().await?;
    let (act, _) = look(call, &mut client, org_id, document_id).await?;
    let rows = act
        .transaction
        .query(
            include_str!("../../../sql/list_versions.sql"),
            &[&org_id, &document_id, &None::<Uuid>, &VERSIONS],
        )
        .await
        .map_err(failed("list versions"))?;
    let bodies: Vec<&str> = rows.iter().map(|row| row.get("body")).collect();
    let body = format!("{{\"versions\":[{}]}}", bodies.join(","));
    Ok(json_text(StatusCode::OK, body))
}

/// `POST …/documents/{document_id}/versions`: names the version of a moment, or the current one.
pub async fn add(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let fields = call.fields()?;
    let name = name_of(&fields)?;
    let at = match fields.text("at")? {
        None => Wanted::NOW,
        Some(text) => Wanted::read("at", text)?,
    };
    let past = open(call, org_id, document_id, &[at]).await?;
    let version = &past.moments[0].version;
    let counter = |peer| version.get(peer).copied().unwrap_or(0);
    let written = past.history.edits().iter().rev();
    let written_us = written
        .filter(|edit| counter(&edit.peer) >= edit.counter_end)
        .map(|edit| edit.created_us)
        .next();
    let Some(written_us) = written_us else {
        return Err(Error::new(Kind::Invalid, "at: there was nothing yet"));
    };
    let operations = version.encode();
    drop(past);
    let mut client = call.client().await?;
    let act = write(call, &mut client, org_id, document_id).await?;
    let version_id = Uuid::new_v4();
    let account_id = act.session.account_id;
    let added = act
        .execute(
            include_str!("../../../sql/add_version.sql"),
            &[
                &org_id,
                &document_id,
                &version_id,
                &name,
                &account_id,
                &written_us,
                &operations,
                &VERSIONS,
            ],
        )
        .await?;
    if added == 0 {
        let context = format!("the document has {VERSIONS} named versions; delete one first");
        return Err(Error::new(Kind::Conflict, context));
    }
    commit(act, document_id, version_id, StatusCode::CREATED).await
}

/// `PATCH …/versions/{version_id}`: another name.
pub async fn rename(
    call: &Call<'_>,
    org_id: Uuid,
    document_id: Uuid,
    version_id: Uuid,
) -> Result<Answer> {
    let fields = call.fields()?;
    let name = name_of(&fields)?;
    let mut client = call.client().await?;
    let act = write(call, &mut client, org_id, document_id).await?;
    act.execute(
        include_str!("../../../sql/rename_version.sql"),
        &[&org_id, &document_id, &version_id, &name],
    )
    .await?;
    commit(act, document_id, version_id, StatusCode::OK).await
}

/// `DELETE …/versions/{version_id}`: only the name goes; the edits stay.
pub async fn remove(
    call: &Call<'_>,
    org_id: Uuid,
    document_id: Uuid,
    version_id: Uuid,
) -> Result<Answer> {
    let mut client = call.client().await?;
    let act = write(call, &mut client, org_id, document_id).await?;
    let removed = act
        .execute(
            include_str!("../../../sql/remove_version.sql"),
            &[&org_id, &document_id, &version_id],
        )
        .await?;
    if removed == 0 {
        return Err(no_version());
    }
    act.commit().await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Begins a request of somebody who may edit the document.
async fn write<'c>(
    call: &Call<'_>,
    client: &'c mut PoolClient,
    org_id: Uuid,
    document_id: Uuid,
) -> Result<Act<'c>> {
    let act = Act::begin(call, client, org_id, Hold::Shared).await?;
    let access = access(
        &act.transaction,
        act.session.account_id,
        org_id,
        document_id,
    )
    .await?
    .ok_or_else(no_document)?;
    if !access.may_edit {
        let context = "you may read this document but not name its versions";
        return Err(Error::new(Kind::Forbidden, context));
    }
    if access.permission == Permission::None {
        return Err(in_bin());
    }
    Ok(act)
}

/// Makes it stand, and answers the version as it is then.
async fn commit(
    act: Act<'_>,
    document_id: Uuid,
    version_id: Uuid,
    status: StatusCode,
) -> Result<Answer> {
    let body = act
        .transaction
        .query_opt(
            include_str!("../../../sql/list_versions.sql"),
            &[&act.org_id(), &document_id, &Some(version_id), &1_i64],
        )
        .await
        .map_err(failed("find version"))?
        .ok_or_else(no_version)?
        .get("body");
    act.commit().await?;
    Ok(json_text(status, body))
}

pub fn no_version() -> Error {
    Error::new(Kind::NotFound, "there is no such version")
}
