//! Groups of members. Owners and admins keep them; members see them, to share with them.

use super::act::{Act, Parameters, answer, body};
use super::answer::{Answer, empty, json_text};
use super::call::Call;
use super::documents::no_organisation;
use crate::auth::Hold;
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use hyper::StatusCode;
use uuid::Uuid;

const LIST: &str = include_str!("../../sql/list_groups.sql");
/// Longest name, in characters (constraint group_name_length).
const NAME_CHARACTERS: usize = 100;

/// `GET …/groups`.
pub async fn list(call: &Call<'_>, org_id: Uuid) -> Result<Answer> {
    let mut client = call.client().await?;
    let act = Act::look(call, &mut client, org_id).await?;
    if act.member()? == "guest" {
        return Err(Error::new(Kind::Forbidden, "guests may not see groups"));
    }
    let every: Option<Uuid> = None;
    let parameters: Parameters<'_> = &[&org_id, &every];
    let status = StatusCode::OK;
    answer(status, &act.transaction, LIST, parameters, no_organisation).await
}

/// `POST …/groups` with a name.
pub async fn create(call: &Call<'_>, org_id: Uuid) -> Result<Answer> {
    let fields = call.fields()?;
    let name = fields.needed_name("name", NAME_CHARACTERS)?;
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Alone).await?;
    act.admin()?;
    let made = act
        .transaction
        .query_opt(include_str!("../../sql/add_group.sql"), &[&org_id, &name])
        .await
        .map_err(failed("add group"))?
        .ok_or_else(name_is_taken)?;
    let group_id: Uuid = made.get("group_id");
    let groups = body(&act.transaction, LIST, &[&org_id, &Some(group_id)])
        .await?
        .ok_or_else(no_group)?;
    act.commit().await?;
    Ok(json_text(StatusCode::CREATED, groups))
}

/// `PATCH …/groups/{group_id}` with a name.
pub async fn rename(call: &Call<'_>, org_id: Uuid, group_id: Uuid) -> Result<Answer> {
    let fields = call.fields()?;
    let name = fields.needed_name("name", NAME_CHARACTERS)?;
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Alone).await?;
    act.admin()?;
    let renamed = act
        .transaction
        .execute(
            include_str!("../../sql/rename_group.sql"),
            &[&org_id, &group_id, &name],
        )
        .await
        .map_err(
            |error| match error.as_db_error().and_then(|e| e.constraint()) {
                Some("group_name_unique") => name_is_taken(),
                _ => failed("rename group")(error),
            },
        )?;
    done(act, renamed).await
}

/// `DELETE …/groups/{group_id}`: what was granted to it goes with it.
pub async fn remove(call: &Call<'_>, org_id: Uuid, group_id: Uuid) -> Result<Answer> {
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Alone).await?;
    act.admin()?;
    let remove = include_str!("../../sql/remove_group.sql");
    let removed = act.execute(remove, &[&org_id, &group_id]).await?;
    done(act, removed).await
}

/// `PUT …/groups/{group_id}/members/{account_id}`.
pub async fn add_member(
    call: &Call<'_>,
    org_id: Uuid,
    group_id: Uuid,
    account_id: Uuid,
) -> Result<Answer> {
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Alone).await?;
    act.admin()?;
    let who = &[&org_id as _, &group_id as _, &account_id as _];
    act.execute(include_str!("../../sql/add_group_member.sql"), who)
        .await?;
    // None is added when the group, the member or both do not exist, or it was there before.
    let is_there = act
        .execute(include_str!("../../sql/is_group_member.sql"), who)
        .await?;
    done(act, is_there).await
}

/// `DELETE …/groups/{group_id}/members/{account_id}`.
pub async fn remove_member(
    call: &Call<'_>,
    org_id: Uuid,
    group_id: Uuid,
    account_id: Uuid,
) -> Result<Answer> {
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Alone).await?;
    act.admin()?;
    let remove = include_str!("../../sql/remove_group_member.sql");
    let who = &[&org_id as _, &group_id as _, &account_id as _];
    let removed = act.execute(remove, who).await?;
    done(act, removed).await
}

async fn done(act: Act<'_>, rows: u64) -> Result<Answer> {
    if rows == 0 {
        return Err(no_group());
    }
    act.commit().await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

fn no_group() -> Error {
    Error::new(Kind::NotFound, "there is no such group, or no such member")
}

fn name_is_taken() -> Error {
    Error::new(
        Kind::Conflict,
        "name: there is a group of this name already",
    )
}
