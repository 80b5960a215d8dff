//! Members who ask to be let at a document. Whether it exists is not told to whoever may not open it.

use super::act::{Act, answer};
use super::answer::{Answer, empty};
use super::call::Call;
use super::documents::no_document;
use super::grants::Object;
use crate::auth::{Hold, Subject, count_attempt};
use crate::error::{Error, Kind, Result};
use hyper::StatusCode;
use uuid::Uuid;

/// Longest message, in characters (constraint access_request_message_length).
const MESSAGE_CHARACTERS: usize = 500;

/// `POST …/access-requests`, with a message if wanted. The same answer after the same work,
/// whether or not there is such a document.
pub async fn ask(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let fields = call.fields()?;
    let message = fields.text("message")?.unwrap_or("");
    if message.chars().count() > MESSAGE_CHARACTERS {
        let context = format!("message: must have at most {MESSAGE_CHARACTERS} characters");
        return Err(Error::new(Kind::Invalid, context));
    }
    let mut client = call.client().await?;
    let session = call.session(&client).await?;
    // Counted where nothing takes it back.
    count_attempt(&client, &[Subject::access_requests(session.account_id)]).await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Shared).await?;
    act.member()?;
    let add = include_str!("../../sql/add_access_request.sql");
    let account_id = act.session.account_id;
    act.execute(add, &[&org_id, &document_id, &account_id, &message])
        .await?;
    act.commit().await?;
    Ok(empty(StatusCode::ACCEPTED))
}

/// `GET …/access-requests`: for whoever may share the document.
pub async fn list(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let mut client = call.client().await?;
    let act = Act::look(call, &mut client, org_id).await?;
    let object = Object::Document(document_id);
    let own = act.session.account_id;
    object.manage(&act.transaction, org_id, own).await?;
    let list = include_str!("../../sql/list_access_requests.sql");
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&org_id, &document_id];
    let status = StatusCode::OK;
    answer(status, &act.transaction, list, &parameters, no_document).await
}

/// `DELETE …/access-requests/{account_id}`: it is not granted. A grant ends a request by itself.
pub async fn dismiss(
    call: &Call<'_>,
    org_id: Uuid,
    document_id: Uuid,
    account_id: Uuid,
) -> Result<Answer> {
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Shared).await?;
    let own = act.session.account_id;
    let object = Object::Document(document_id);
    object.manage(&act.transaction, org_id, own).await?;
    let dismiss = include_str!("../../sql/dismiss_access_request.sql");
    if act
        .execute(dismiss, &[&org_id, &document_id, &account_id])
        .await?
        == 0
    {
        let context = "there is no such request here";
        return Err(Error::new(Kind::NotFound, context));
    }
    act.commit().await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
