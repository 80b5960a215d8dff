//! The documents of an organisation: list, create, show, rename, the bin. What the
//! caller may not know of does not exist.

use super::answer::{Answer, empty, json, with};
use super::call::{Call, Fields, parameter};
use super::create_document::create_document;
use crate::auth::{Access, Session, access, hold_authority, member_role};
use crate::error::{Error, Kind, Result};
use crate::postgres::{PoolClient, failed};
use deadpool_postgres::{GenericClient, Transaction};
use hyper::StatusCode;
use hyper::header::LOCATION;
use serde::Serialize;
use tokio_postgres::Row;
use uuid::Uuid;

/// Longest title, in characters (constraint document_title_length).
const TITLE_CHARACTERS: usize = 300;
/// Title of a document that was given none.
const NO_TITLE: &str = "Untitled document";
/// Most documents of one list.
const LIST: usize = 1000;

#[derive(Serialize)]
struct Document {
    org_id: Uuid,
    document_id: Uuid,
    title: String,
    created_at: String,
    created_by: String,
    edited_at: String,
    deleted_at: Option<String>,
    role: String,
}

impl From<&Row> for Document {
    fn from(row: &Row) -> Self {
        Self {
            org_id: row.get("org_id"),
            document_id: row.get("document_id"),
            title: row.get("title"),
            created_at: row.get("created_at"),
            created_by: row.get("created_by"),
            edited_at: row.get("edited_at"),
            deleted_at: row.get("deleted_at"),
            role: row.get("role"),
        }
    }
}

/// `GET …/documents`: newest edit first; with `?bin=true` those in the bin. `more` says that there
/// are more than the 1,000 listed.
pub async fn list(call: &Call<'_>, org_id: Uuid) -> Result<Answer> {
    #[derive(Serialize)]
    struct List {
        documents: Vec<Document>,
        more: bool,
    }
    let in_bin = match parameter(call.head, "bin") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Error::new(Kind::Invalid, "bin: must be true or false")),
    };
    let client = call.client().await?;
    let session = call.session(&client).await?;
    if member_role(&client, session.account_id, org_id)
        .await?
        .is_none()
    {
        return Err(no_organisation());
    }
    let limit = i64::try_from(LIST + 1).expect("a small number");
    let rows = client
        .query(
            include_str!("../../sql/list_documents.sql"),
            &[&org_id, &session.account_id, &in_bin, &limit],
        )
        .await
        .map_err(failed("list documents"))?;
    let list = List {
        documents: rows.iter().take(LIST).map(Document::from).collect(),
        more: rows.len() > LIST,
    };
    Ok(json(StatusCode::OK, &list))
}

/// `POST …/documents`.
pub async fn create(call: &Call<'_>, org_id: Uuid) -> Result<Answer> {
    let fields = call.fields()?;
    let title = title(&fields)?.unwrap_or(NO_TITLE);
    let mut client = call.client().await?;
    let session = call.session(&client).await?;
    let transaction = begin(&mut client).await?;
    hold_authority(&transaction, &session, org_id, None).await?;
    let role = member_role(&transaction, session.account_id, org_id).await?;
    match role.as_deref() {
        None => return Err(no_organisation()),
        Some("guest") => return Err(not_for_guests()),
        Some(_) => {}
    }
    let document_id = create_document(&transaction, org_id, session.account_id, title).await?;
    let document = find(&transaction, &session, org_id, document_id).await?;
    commit(transaction).await?;
    let place = format!("/api/v1/organisations/{org_id}/documents/{document_id}");
    Ok(with(json(StatusCode::CREATED, &document), LOCATION, &place))
}

/// `GET …/documents/{document_id}`.
pub async fn show(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let client = call.client().await?;
    let session = call.session(&client).await?;
    let document = find(&client, &session, org_id, document_id).await?;
    Ok(json(StatusCode::OK, &document))
}

/// `PATCH …/documents/{document_id}` with a title.
pub async fn rename(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let fields = call.fields()?;
    let title = title(&fields)?
        .ok_or_else(|| Error::new(Kind::Invalid, "title: is missing"))?
        .to_owned();
    let mut client = call.client().await?;
    let session = call.session(&client).await?;
    let transaction = begin(&mut client).await?;
    let access = hold_access(&transaction, &session, org_id, document_id).await?;
    if !access.may_edit {
        return Err(Error::new(
            Kind::Forbidden,
            "you may read this document but not change it",
        ));
    }
    let renamed = transaction
        .execute(
            include_str!("../../sql/rename_document.sql"),
            &[&org_id, &document_id, &title],
        )
        .await
        .map_err(failed("rename document"))?;
    if renamed == 0 {
        return Err(in_bin());
    }
    let document = find(&transaction, &session, org_id, document_id).await?;
    commit(transaction).await?;
    Ok(json(StatusCode::OK, &document))
}

/// `DELETE …/documents/{document_id}`: moves it to the bin. What is there stays there.
pub async fn delete(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let statement = include_str!("../../sql/delete_document.sql");
    manage(call, org_id, document_id, statement).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `POST …/documents/{document_id}/restore`: takes it out of the bin. What is not there stays.
pub async fn restore(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let statement = include_str!("../../sql/restore_document.sql");
    let document = manage(call, org_id, document_id, statement).await?;
    Ok(json(StatusCode::OK, &document))
}

async fn manage(
    call: &Call<'_>,
    org_id: Uuid,
    document_id: Uuid,
    statement: &str,
) -> Result<Document> {
    let mut client = call.client().await?;
    let session = call.session(&client).await?;
    let transaction = begin(&mut client).await?;
    let access = hold_access(&transaction, &session, org_id, document_id).await?;
    if !access.may_manage {
        return Err(not_for_guests());
    }
    transaction
        .execute(statement, &[&org_id, &document_id])
        .await
        .map_err(failed("move document to or from the bin"))?;
    let document = find(&transaction, &session, org_id, document_id).await?;
    commit(transaction).await?;
    Ok(document)
}

async fn find(
    client: &impl GenericClient,
    session: &Session,
    org_id: Uuid,
    document_id: Uuid,
) -> Result<Document> {
    client
        .query_opt(
            include_str!("../../sql/find_document.sql"),
            &[&org_id, &document_id, &session.account_id],
        )
        .await
        .map_err(failed("find document"))?
        .map(|row| Document::from(&row))
        .ok_or_else(no_document)
}

/// What the caller may do, with nobody able to take it away before the transaction ends.
async fn hold_access(
    transaction: &Transaction<'_>,
    session: &Session,
    org_id: Uuid,
    document_id: Uuid,
) -> Result<Access> {
    hold_authority(transaction, session, org_id, Some(document_id))
        .await
        .map_err(|error| match error.kind() {
            Kind::NotFound => no_document(),
            _ => error,
        })?;
    access(transaction, session.account_id, org_id, document_id)
        .await?
        .ok_or_else(no_document)
}

async fn begin(client: &mut PoolClient) -> Result<Transaction<'_>> {
    client.transaction().await.map_err(failed("begin request"))
}

async fn commit(transaction: Transaction<'_>) -> Result<()> {
    transaction.commit().await.map_err(failed("commit request"))
}

/// The title of a body, if it has one.
fn title(fields: &Fields) -> Result<Option<&str>> {
    let Some(title) = fields.text("title")? else {
        return Ok(None);
    };
    let characters = title.chars().count();
    if !(1..=TITLE_CHARACTERS).contains(&characters) || title.chars().any(char::is_control) {
        return Err(Error::new(
            Kind::Invalid,
            format!("title: 1 to {TITLE_CHARACTERS} printable characters are needed"),
        ));
    }
    Ok(Some(title))
}

/// Also what another organisation's document looks like.
pub fn no_document() -> Error {
    Error::new(Kind::NotFound, "there is no such document")
}

fn no_organisation() -> Error {
    Error::new(Kind::NotFound, "there is no such organisation")
}

/// What cannot be done with a document before it is restored.
pub fn in_bin() -> Error {
    Error::new(
        Kind::Conflict,
        "this document is in the bin; restore it first",
    )
}

fn not_for_guests() -> Error {
    Error::new(Kind::Forbidden, "guests may not do this")
}
