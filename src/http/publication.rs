//! Publishing a document, so that anybody may read it without signing in, and withdrawing it. Whoever may
//! share it may do that.

use super::act::{Act, answer};
use super::answer::{Answer, empty};
use super::call::Call;
use super::documents::{in_bin, no_document};
use super::grants::Object;
use crate::auth::{Hold, access};
use crate::error::Result;
use hyper::StatusCode;
use uuid::Uuid;

const SHOW: &str = include_str!("../../sql/show_publication.sql");

/// `GET …/publication`: whether and where it is published. Everybody who may read it may know.
pub async fn show(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let mut client = call.client().await?;
    let act = Act::look(call, &mut client, org_id).await?;
    access(
        &act.transaction,
        act.session.account_id,
        org_id,
        document_id,
    )
    .await?
    .ok_or_else(no_document)?;
    told(&act, document_id).await
}

/// `PUT …/publication`: publishes it, or changes whether search engines may list it (`is_indexed`).
pub async fn publish(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let is_indexed = call.fields()?.flag("is_indexed")?;
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Shared).await?;
    let own = act.session.account_id;
    let document = Object::Document(document_id);
    document.manage(&act.transaction, org_id, own).await?;
    let published = act
        .execute(
            include_str!("../../sql/publish_document.sql"),
            &[&org_id, &document_id, &Uuid::new_v4(), &is_indexed, &own],
        )
        .await?;
    if published == 0 {
        return Err(in_bin());
    }
    let shown = told(&act, document_id).await?;
    act.commit().await?;
    Ok(shown)
}

/// `DELETE …/publication`: withdraws it at once. What is not published stays so.
pub async fn withdraw(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Shared).await?;
    let own = act.session.account_id;
    let document = Object::Document(document_id);
    document.manage(&act.transaction, org_id, own).await?;
    act.execute(
        include_str!("../../sql/withdraw_document.sql"),
        &[&org_id, &document_id],
    )
    .await?;
    act.commit().await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

async fn told(act: &Act<'_>, document_id: Uuid) -> Result<Answer> {
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&act.org_id(), &document_id];
    let status = StatusCode::OK;
    answer(status, &act.transaction, SHOW, &parameters, no_document).await
}
