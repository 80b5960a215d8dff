//! An organisation's own data, and who belongs to it.

use super::act::{Act, Parameters, answer, is_admin};
use super::answer::{Answer, empty};
use super::call::Call;
use super::documents::no_organisation;
use super::page::Page;
use crate::auth::{Hold, member_role};
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use hyper::StatusCode;
use uuid::Uuid;

const SHOW: &str = include_str!("../../sql/show_organisation.sql");
/// Longest name, in characters (constraint organisation_name_length).
const NAME_CHARACTERS: usize = 200;
/// For how many days history may be kept.
const HISTORY_DAYS: std::ops::RangeInclusive<i64> = 1..=36_500;
/// Most members of one part of the list.
const MEMBERS: usize = 1000;

/// `GET /api/v1/organisations/{org_id}`.
pub async fn show(call: &Call<'_>, org_id: Uuid) -> Result<Answer> {
    let mut client = call.client().await?;
    let act = Act::look(call, &mut client, org_id).await?;
    let parameters: Parameters<'_> = &[&org_id, &act.session.account_id];
    let status = StatusCode::OK;
    answer(status, &act.transaction, SHOW, parameters, no_organisation).await
}

/// `PATCH /api/v1/organisations/{org_id}` with a name, a default role, for how many days history
/// is kept (null: for ever), or several.
pub async fn change(call: &Call<'_>, org_id: Uuid) -> Result<Answer> {
    let fields = call.fields()?;
    let name = fields.name("name", NAME_CHARACTERS)?;
    let default_role = fields.one_of("default_role", &["none", "view", "comment", "edit"])?;
    let (keeps, history_days) = (
        fields.names("history_days"),
        fields.number("history_days", HISTORY_DAYS)?,
    );
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Alone).await?;
    act.admin()?;
    if keeps {
        keep_history(&act, history_days).await?;
    }
    act.execute(
        include_str!("../../sql/change_organisation.sql"),
        &[&org_id, &name, &default_role],
    )
    .await?;
    let account_id = act.session.account_id;
    let changed = answer(
        StatusCode::OK,
        &act.transaction,
        SHOW,
        &[&org_id, &account_id],
        no_organisation,
    )
    .await?;
    act.commit().await?;
    Ok(changed)
}

/// For so many days; `None`: for ever. What is forgotten by then does not come back.
async fn keep_history(act: &Act<'_>, days: Option<i64>) -> Result<()> {
    match days.and_then(|days| i32::try_from(days).ok()) {
        Some(days) => {
            let set = include_str!("../../sql/set_retention.sql");
            act.execute(set, &[&act.org_id(), &days]).await?
        }
        None => {
            let remove = include_str!("../../sql/remove_retention.sql");
            act.execute(remove, &[&act.org_id()]).await?
        }
    };
    Ok(())
}

/// `GET …/members`, the longest first. Mail addresses are for owners and admins.
pub async fn members(call: &Call<'_>, org_id: Uuid) -> Result<Answer> {
    let page = Page::of(call.head, MEMBERS)?;
    let mut client = call.client().await?;
    let act = Act::look(call, &mut client, org_id).await?;
    let role = act.member()?;
    if role == "guest" {
        return Err(Error::new(
            Kind::Forbidden,
            "guests may not see who else is a member",
        ));
    }
    let rows = act
        .transaction
        .query(
            include_str!("../../sql/list_members.sql"),
            &[
                &org_id,
                &is_admin(role),
                &page.after.map(|after| after.at),
                &page.after.map(|after| after.id),
                &page.rows(),
            ],
        )
        .await
        .map_err(failed("list members"))?;
    Ok(page.answer("members", &rows, "account_id"))
}

/// `PATCH …/members/{account_id}` with a role.
pub async fn change_member(call: &Call<'_>, org_id: Uuid, account_id: Uuid) -> Result<Answer> {
    let fields = call.fields()?;
    let role = fields.needed_one_of("role", &["owner", "admin", "member", "guest"])?;
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Alone).await?;
    let own = act.admin()?.to_owned();
    let former = standing(&act, account_id).await?;
    if own != "owner" && (former == "owner" || role == "owner") {
        return Err(owners_only());
    }
    act.execute(
        include_str!("../../sql/change_member.sql"),
        &[&org_id, &account_id, &role],
    )
    .await?;
    keep_an_owner(&act).await?;
    act.commit().await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `DELETE …/members/{account_id}`. Everybody may remove itself.
pub async fn remove_member(call: &Call<'_>, org_id: Uuid, account_id: Uuid) -> Result<Answer> {
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Alone).await?;
    act.member()?;
    if account_id != act.session.account_id {
        let own = act.admin()?.to_owned();
        if standing(&act, account_id).await? == "owner" && own != "owner" {
            return Err(owners_only());
        }
    }
    act.execute(
        include_str!("../../sql/remove_member.sql"),
        &[&org_id, &account_id],
    )
    .await?;
    keep_an_owner(&act).await?;
    act.commit().await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

async fn standing(act: &Act<'_>, account_id: Uuid) -> Result<String> {
    member_role(&act.transaction, account_id, act.org_id())
        .await?
        .ok_or_else(no_member)
}

/// Nobody else changes members meanwhile, so the count holds until the commit.
async fn keep_an_owner(act: &Act<'_>) -> Result<()> {
    let owners: i64 = act
        .transaction
        .query_one(include_str!("../../sql/count_owners.sql"), &[&act.org_id()])
        .await
        .map_err(failed("count owners"))?
        .get("owners");
    if owners > 0 {
        return Ok(());
    }
    Err(Error::new(
        Kind::Conflict,
        "this is the last owner; make somebody else an owner first",
    ))
}

fn no_member() -> Error {
    Error::new(Kind::NotFound, "there is no such member")
}

fn owners_only() -> Error {
    Error::new(Kind::Forbidden, "only owners may make or remove owners")
}
