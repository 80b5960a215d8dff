//! The documents of an organisation: list, create, show, rename, the bin. What the
//! caller may not know of does not exist.

use super::act::Act;
use super::answer::{Answer, empty, json, with};
use super::call::{Call, Fields, parameter};
use super::create_document::create_document;
use super::folders;
use super::idempotency::Key;
use super::page::{Cursor, Page};
use crate::auth::{Access, Hold, Scope, Session, access, member_role};
use crate::document::tree::markdown;
use crate::document::trial::DocKey;
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use deadpool_postgres::GenericClient;
use hyper::StatusCode;
use hyper::header::LOCATION;
use serde::Serialize;
use tokio_postgres::Row;
use uuid::Uuid;

/// Longest title, in characters (constraint document_title_length).
const TITLE_CHARACTERS: usize = 300;
/// Title of a document that was given none.
const NO_TITLE: &str = "Untitled document";
/// Most documents of one part of a list.
pub const LIST: usize = 1000;

#[derive(Serialize)]
pub struct Document {
    org_id: Uuid,
    document_id: Uuid,
    title: String,
    created_at: String,
    created_by: String,
    edited_at: String,
    deleted_at: Option<String>,
    role: String,
    folder_id: Option<Uuid>,
    owner_id: Option<Uuid>,
    may_manage: bool,
    /// How many ask to be let at it; 0 for those who could not let them.
    access_requests: i32,
}

/// A part of a list of documents, newest edit first.
#[derive(Serialize)]
pub struct List {
    documents: Vec<Document>,
    next: Option<String>,
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
            folder_id: row.get("folder_id"),
            owner_id: row.get("owner_id"),
            may_manage: row.get("may_manage"),
            access_requests: row.get("access_requests"),
        }
    }
}

/// `GET …/documents`: newest edit first; with `?bin=true` those in the bin.
pub async fn list(call: &Call<'_>, org_id: Uuid) -> Result<Answer> {
    let in_bin = match parameter(call.head, "bin") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Error::new(Kind::Invalid, "bin: must be true or false")),
    };
    let page = Page::of(call.head, LIST)?;
    let mut client = call.client().await?;
    let act = Act::look(call, &mut client, org_id).await?;
    act.member()?;
    let account_id = act.session.account_id;
    let list = list_documents(&act.transaction, org_id, account_id, in_bin, None, &page).await?;
    Ok(json(StatusCode::OK, &list))
}

/// Those of an organisation, or of one of its folders, that an account may know of.
pub async fn list_documents(
    client: &impl GenericClient,
    org_id: Uuid,
    account_id: Uuid,
    in_bin: bool,
    folder_id: Option<Uuid>,
    page: &Page,
) -> Result<List> {
    let rows = client
        .query(
            include_str!("../../sql/list_documents.sql"),
            &[
                &org_id,
                &account_id,
                &in_bin,
                &page.rows(),
                &folder_id,
                &page.after.map(|after| after.at),
                &page.after.map(|after| after.id),
            ],
        )
        .await
        .map_err(failed("list documents"))?;
    let (rows, next) = page.cut(&rows, |row| Cursor {
        at: row.get("changed_at"),
        id: row.get("document_id"),
    });
    Ok(List {
        documents: rows.iter().map(Document::from).collect(),
        next,
    })
}

/// `POST …/documents`.
pub async fn create(call: &Call<'_>, org_id: Uuid) -> Result<Answer> {
    let fields = call.fields()?;
    let title = title(&fields)?.unwrap_or(NO_TITLE);
    let folder_id = fields.id("folder_id")?;
    let page = match fields.secret("markdown")? {
        None => None,
        Some(markdown) => Some(tokio::task::block_in_place(|| markdown::read(markdown))?),
    };
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Shared).await?;
    act.member()?;
    folders::may_put_into(&act, folder_id, "folder_id").await?;
    let key = Key::of(call, &act.session)?;
    let before = match &key {
        Some(key) => key.before(&act.transaction).await?,
        None => None,
    };
    let document_id = match before {
        Some(before) => before.document.document_id,
        None => {
            let created_by = act.session.account_id;
            let (transaction, page) = (&act.transaction, page.as_ref());
            let document_id =
                create_document(transaction, org_id, folder_id, created_by, title, page).await?;
            if let Some(key) = &key {
                let document = DocKey {
                    org_id,
                    document_id,
                };
                key.keep(transaction, document, None).await?;
            }
            document_id
        }
    };
    let document = find(&act.transaction, &act.session, org_id, document_id).await?;
    act.commit().await?;
    let place = format!("/api/v1/organisations/{org_id}/documents/{document_id}");
    Ok(with(json(StatusCode::CREATED, &document), LOCATION, &place))
}

/// `GET …/documents/{document_id}`.
pub async fn show(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let mut client = call.client().await?;
    let act = Act::look(call, &mut client, org_id).await?;
    let document = find(&act.transaction, &act.session, org_id, document_id).await?;
    Ok(json(StatusCode::OK, &document))
}

/// `PATCH …/documents/{document_id}` with a title, a folder (null: none), an owner, or several.
pub async fn change(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let fields = call.fields()?;
    let title = title(&fields)?;
    let (moves, folder_id) = (fields.names("folder_id"), fields.id("folder_id")?);
    let owner_id = fields.id("owner_id")?;
    if title.is_none() && !moves && owner_id.is_none() {
        return Err(Error::new(
            Kind::Invalid,
            "name at least one of title, folder_id and owner_id",
        ));
    }
    // Another folder or owner means other rights.
    let hold = match moves || owner_id.is_some() {
        true => Hold::Alone,
        false => Hold::Shared,
    };
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, hold).await?;
    if hold == Hold::Alone && !act.session.scopes.allow(Scope::Admin) {
        let context = "this API token lacks the scope admin, which folder_id and owner_id need";
        return Err(Error::new(Kind::Forbidden, context));
    }
    let own = act.session.account_id;
    let access = access(&act.transaction, own, org_id, document_id)
        .await?
        .ok_or_else(no_document)?;
    if !access.may_edit {
        return Err(Error::new(
            Kind::Forbidden,
            "you may read this document but not change it",
        ));
    }
    if moves {
        if !access.may_manage {
            return Err(not_for_guests());
        }
        folders::may_put_into(&act, folder_id, "folder_id").await?;
    }
    if let Some(owner_id) = owner_id {
        may_own(&act, &access, owner_id).await?;
    }
    let changed = act
        .execute(
            include_str!("../../sql/change_document.sql"),
            &[&org_id, &document_id, &title, &moves, &folder_id, &owner_id],
        )
        .await?;
    if changed == 0 {
        return Err(in_bin());
    }
    // Whoever moves it into a folder of others may not see it any more.
    let document = find(&act.transaction, &act.session, org_id, document_id).await;
    act.commit().await?;
    match document {
        Ok(document) => Ok(json(StatusCode::OK, &document)),
        Err(error) if error.kind() == Kind::NotFound => Ok(empty(StatusCode::NO_CONTENT)),
        Err(error) => Err(error),
    }
}

async fn may_own(act: &Act<'_>, access: &Access, owner_id: Uuid) -> Result<()> {
    if !access.may_transfer {
        return Err(Error::new(
            Kind::Forbidden,
            "only its owner and the organisation's admins may give a document to somebody else",
        ));
    }
    let role = member_role(&act.transaction, owner_id, act.org_id()).await?;
    match role.as_deref() {
        None => Err(Error::new(
            Kind::Invalid,
            "owner_id: there is no such member",
        )),
        Some("guest") => Err(Error::new(
            Kind::Invalid,
            "owner_id: a guest cannot own a document",
        )),
        Some(_) => Ok(()),
    }
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
    let act = Act::begin(call, &mut client, org_id, Hold::Alone).await?;
    let access = access(
        &act.transaction,
        act.session.account_id,
        org_id,
        document_id,
    )
    .await?
    .ok_or_else(no_document)?;
    if !access.may_manage {
        return Err(not_for_guests());
    }
    act.execute(statement, &[&org_id, &document_id]).await?;
    let document = find(&act.transaction, &act.session, org_id, document_id).await?;
    act.commit().await?;
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

/// The title of a body, if it has one.
fn title(fields: &Fields) -> Result<Option<&str>> {
    fields.name("title", TITLE_CHARACTERS)
}

/// Also what another organisation's document looks like.
pub fn no_document() -> Error {
    Error::new(Kind::NotFound, "there is no such document")
}

pub fn no_organisation() -> Error {
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
    Error::new(Kind::Forbidden, "guests and visitors may not do this")
}
