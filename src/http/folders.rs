//! Folders: what is granted on one holds for all that lies in it.

use super::act::{Act, answer, body};
use super::answer::{Answer, empty, json, json_text};
use super::call::Call;
use super::documents::{LIST, List, list_documents, no_organisation};
use super::page::Page;
use crate::auth::Hold;
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use deadpool_postgres::GenericClient;
use hyper::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

const SHOW: &str = include_str!("../../sql/show_folder.sql");
/// Longest name, in characters (constraint folder_name_length).
const NAME_CHARACTERS: usize = 200;

/// `GET …/folders`: those that the caller may know of.
pub async fn list(call: &Call<'_>, org_id: Uuid) -> Result<Answer> {
    let mut client = call.client().await?;
    let act = Act::look(call, &mut client, org_id).await?;
    act.member()?;
    let account_id = act.session.account_id;
    let list = include_str!("../../sql/list_folders.sql");
    let status = StatusCode::OK;
    answer(
        status,
        &act.transaction,
        list,
        &[&org_id, &account_id],
        no_organisation,
    )
    .await
}

/// `GET …/folders/{folder_id}`: the folder, and what lies in it of what the caller may know of.
/// Also for visitors who came by a link.
pub async fn show(call: &Call<'_>, org_id: Uuid, folder_id: Uuid) -> Result<Answer> {
    #[derive(Serialize)]
    struct Opened {
        #[serde(flatten)]
        folder: Map<String, Value>,
        #[serde(flatten)]
        list: List,
    }
    let page = Page::of(call.head, LIST)?;
    let mut client = call.client().await?;
    let act = Act::look(call, &mut client, org_id).await?;
    let account_id = act.session.account_id;
    let open = include_str!("../../sql/open_folder.sql");
    let folder = body(&act.transaction, open, &[&org_id, &account_id, &folder_id])
        .await?
        .ok_or_else(no_folder)?;
    let folder = serde_json::from_str(&folder)
        .map_err(|e| Error::caused(Kind::Internal, "read folder", e))?;
    let list = list_documents(
        &act.transaction,
        org_id,
        account_id,
        false,
        Some(folder_id),
        &page,
    )
    .await?;
    Ok(json(StatusCode::OK, &Opened { folder, list }))
}

/// `POST …/folders` with a name, and the folder that it is to lie in.
pub async fn create(call: &Call<'_>, org_id: Uuid) -> Result<Answer> {
    let fields = call.fields()?;
    let name = fields.needed_name("name", NAME_CHARACTERS)?;
    let parent_id = fields.id("parent_id")?;
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Alone).await?;
    may_put_into(&act, parent_id, "parent_id").await?;
    let account_id = act.session.account_id;
    let folder_id: Uuid = act
        .transaction
        .query_one(
            include_str!("../../sql/add_folder.sql"),
            &[&org_id, &parent_id, &name, &account_id],
        )
        .await
        .map_err(misplaced)?
        .get("folder_id");
    let made = body(&act.transaction, SHOW, &[&org_id, &account_id, &folder_id])
        .await?
        .ok_or_else(no_folder)?;
    act.commit().await?;
    Ok(json_text(StatusCode::CREATED, made))
}

/// `PATCH …/folders/{folder_id}` with a name, another folder to lie in (null: none), or both.
pub async fn change(call: &Call<'_>, org_id: Uuid, folder_id: Uuid) -> Result<Answer> {
    let fields = call.fields()?;
    let name = fields.name("name", NAME_CHARACTERS)?;
    let parent_id = fields.id("parent_id")?;
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Alone).await?;
    manage(&act.transaction, org_id, act.session.account_id, folder_id).await?;
    if let Some(name) = name {
        let rename = include_str!("../../sql/rename_folder.sql");
        act.execute(rename, &[&org_id, &folder_id, &name]).await?;
    }
    if fields.names("parent_id") {
        may_put_into(&act, parent_id, "parent_id").await?;
        act.transaction
            .execute(
                include_str!("../../sql/move_folder.sql"),
                &[&org_id, &folder_id, &parent_id],
            )
            .await
            .map_err(misplaced)?;
    }
    let account_id = act.session.account_id;
    let changed = body(&act.transaction, SHOW, &[&org_id, &account_id, &folder_id])
        .await?
        .ok_or_else(no_folder)?;
    act.commit().await?;
    Ok(json_text(StatusCode::OK, changed))
}

/// `DELETE …/folders/{folder_id}`: only an empty one.
pub async fn remove(call: &Call<'_>, org_id: Uuid, folder_id: Uuid) -> Result<Answer> {
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Alone).await?;
    manage(&act.transaction, org_id, act.session.account_id, folder_id).await?;
    let remove = include_str!("../../sql/remove_folder.sql");
    if act.execute(remove, &[&org_id, &folder_id]).await? == 0 {
        return Err(Error::new(
            Kind::Conflict,
            "this folder is not empty; move what lies in it, in the bin too, to another folder first",
        ));
    }
    act.commit().await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Lets pass who may put something into a folder, or into none.
///
/// # Errors
/// `Invalid`, naming `field`, when the caller knows of no such folder; `Forbidden`.
pub async fn may_put_into(act: &Act<'_>, folder_id: Option<Uuid>, field: &str) -> Result<()> {
    let Some(folder_id) = folder_id else {
        return match act.member()? {
            "guest" => Err(Error::new(Kind::Forbidden, "guests may not do this")),
            _ => Ok(()),
        };
    };
    let account_id = act.session.account_id;
    manage(&act.transaction, act.org_id(), account_id, folder_id)
        .await
        .map_err(|error| match error.kind() {
            // Somebody who does not belong to the organisation does not learn that it exists.
            Kind::NotFound if act.member().is_ok() => {
                Error::new(Kind::Invalid, format!("{field}: there is no such folder"))
            }
            _ => error,
        })
}

/// Lets pass who may share and change a folder.
///
/// # Errors
/// `NotFound` when the account knows of no such folder, `Forbidden` when it may only read it.
pub async fn manage(
    client: &impl GenericClient,
    org_id: Uuid,
    account_id: Uuid,
    folder_id: Uuid,
) -> Result<()> {
    let row = client
        .query_opt(SHOW, &[&org_id, &account_id, &folder_id])
        .await
        .map_err(failed("look up folder"))?
        .ok_or_else(no_folder)?;
    if row.get("may_manage") {
        return Ok(());
    }
    Err(Error::new(
        Kind::Forbidden,
        "you may see this folder but not change or share it",
    ))
}

fn misplaced(error: tokio_postgres::Error) -> Error {
    match error.as_db_error().and_then(|e| e.constraint()) {
        Some("folder_not_in_itself") => Error::new(
            Kind::Conflict,
            "parent_id: a folder cannot lie in itself or in a folder of its own",
        ),
        Some("folder_depth") => Error::new(
            Kind::Conflict,
            "parent_id: folders can lie in each other 20 deep at most",
        ),
        _ => failed("place folder")(error),
    }
}

fn no_folder() -> Error {
    Error::new(Kind::NotFound, "there is no such folder")
}
