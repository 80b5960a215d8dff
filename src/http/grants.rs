//! Who may do what with a document or a folder, and giving and taking that.

use super::act::{Act, answer, body};
use super::answer::{Answer, empty, json_text};
use super::call::Call;
use super::documents::no_document;
use super::folders;
use crate::auth::{Hold, access};
use crate::error::{Error, Kind, Result};
use deadpool_postgres::GenericClient;
use hyper::StatusCode;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// What is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    Document(Uuid),
    Folder(Uuid),
}

impl Object {
    /// The document's id, for the column `document_id`.
    pub fn document_id(self) -> Option<Uuid> {
        match self {
            Self::Document(id) => Some(id),
            Self::Folder(_) => None,
        }
    }

    /// The folder's id, for the column `folder_id`.
    pub fn folder_id(self) -> Option<Uuid> {
        match self {
            Self::Document(_) => None,
            Self::Folder(id) => Some(id),
        }
    }

    /// Lets pass who may share it.
    ///
    /// # Errors
    /// `NotFound` when the account knows of no such thing, `Forbidden` when it may not share it.
    pub async fn manage(
        self,
        client: &impl GenericClient,
        org_id: Uuid,
        account_id: Uuid,
    ) -> Result<()> {
        match self {
            Self::Folder(folder_id) => folders::manage(client, org_id, account_id, folder_id).await,
            Self::Document(document_id) => {
                let access = access(client, account_id, org_id, document_id)
                    .await?
                    .ok_or_else(no_document)?;
                if access.may_manage {
                    return Ok(());
                }
                Err(Error::new(
                    Kind::Forbidden,
                    "you may open this document but not share it",
                ))
            }
        }
    }
}

/// `GET …/grants`: everybody who may know of it sees who has access; links only who may share.
pub async fn list(call: &Call<'_>, org_id: Uuid, object: Object) -> Result<Answer> {
    let mut client = call.client().await?;
    let act = Act::look(call, &mut client, org_id).await?;
    let own = act.session.account_id;
    let may_manage = match object.manage(&act.transaction, org_id, own).await {
        Ok(()) => true,
        Err(error) if error.kind() == Kind::Forbidden => false,
        Err(error) => return Err(error),
    };
    let list = include_str!("../../sql/list_grants.sql");
    let (document_id, folder_id) = (object.document_id(), object.folder_id());
    let parameters: [&(dyn ToSql + Sync); 4] = [&org_id, &document_id, &folder_id, &may_manage];
    let status = StatusCode::OK;
    answer(status, &act.transaction, list, &parameters, no_document).await
}

/// `POST …/grants`: to a member, a group or everyone in the organisation but guests. Who has a
/// grant already gets the new role.
pub async fn put(call: &Call<'_>, org_id: Uuid, object: Object) -> Result<Answer> {
    let fields = call.fields()?;
    let account_id = fields.id("account_id")?;
    let group_id = fields.id("group_id")?;
    let everyone = fields.flag("everyone")?;
    let role = fields.needed_one_of("role", &["view", "comment", "edit"])?;
    let subjects = [account_id.is_some(), group_id.is_some(), everyone];
    if subjects.iter().filter(|is_named| **is_named).count() != 1 {
        return Err(Error::new(
            Kind::Invalid,
            "name one of account_id, group_id and everyone",
        ));
    }
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Alone).await?;
    let own = act.session.account_id;
    object.manage(&act.transaction, org_id, own).await?;
    let (document_id, folder_id) = (object.document_id(), object.folder_id());
    act.execute(
        include_str!("../../sql/put_grant.sql"),
        &[
            &org_id,
            &document_id,
            &folder_id,
            &account_id,
            &group_id,
            &everyone,
            &role,
            &own,
        ],
    )
    .await?;
    let show = include_str!("../../sql/show_grant.sql");
    let parameters: [&(dyn ToSql + Sync); 6] = [
        &org_id,
        &document_id,
        &folder_id,
        &account_id,
        &group_id,
        &everyone,
    ];
    let grant = body(&act.transaction, show, &parameters).await?;
    let grant = grant.ok_or_else(|| {
        Error::new(
            Kind::Invalid,
            "there is no such member or group in this organisation",
        )
    })?;
    act.commit().await?;
    Ok(json_text(StatusCode::CREATED, grant))
}

/// `DELETE …/grants/{grant_id}`.
pub async fn remove(
    call: &Call<'_>,
    org_id: Uuid,
    object: Object,
    grant_id: Uuid,
) -> Result<Answer> {
    let remove = include_str!("../../sql/remove_grant.sql");
    take_back(call, org_id, object, (remove, grant_id, "grant")).await
}

/// Takes back something that was given on a document or a folder: a statement, which one, and what
/// it is called.
pub async fn take_back(
    call: &Call<'_>,
    org_id: Uuid,
    object: Object,
    (statement, id, what): (&str, Uuid, &str),
) -> Result<Answer> {
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Alone).await?;
    let own = act.session.account_id;
    object.manage(&act.transaction, org_id, own).await?;
    let (document_id, folder_id) = (object.document_id(), object.folder_id());
    let taken = act
        .execute(statement, &[&org_id, &document_id, &folder_id, &id])
        .await?;
    if taken == 0 {
        let context = format!("there is no such {what} here");
        return Err(Error::new(Kind::NotFound, context));
    }
    act.commit().await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
