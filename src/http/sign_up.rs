//! Signing up without an invitation, where the settings allow it.

use super::answer::{Answer, json};
use super::call::Call;
use super::create_document::create_document;
use super::sign_in::{FIRST_TITLE, welcomed};
use crate::auth::{self, For, SignUp, Subject, acting_unknown};
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use hyper::StatusCode;

/// `GET /api/v1/sign-up`: whether it is open, so that the page offers it only then.
pub fn show(call: &Call<'_>) -> Answer {
    let is_open = call.context.open_sign_up;
    json(StatusCode::OK, &serde_json::json!({ "is_open": is_open }))
}

/// `POST /api/v1/sign-up`: an account, its organisation and a first document.
pub async fn sign_up(call: &Call<'_>) -> Result<Answer> {
    if !call.context.open_sign_up {
        let context = "signing up is not open here; ask for an invitation";
        return Err(Error::new(Kind::Forbidden, context));
    }
    let fields = call.fields()?;
    let email = auth::check_email(fields.needed_text("email")?)?;
    let who = SignUp {
        name: fields.needed_text("name")?,
        organisation: fields.needed_text("organisation")?,
        email: &email,
    };
    let password = fields.needed_secret("password")?;
    auth::check_password(password)?;
    // Each counts like a wrong guess: nobody makes accounts in heaps.
    let client = call.client().await?;
    auth::count_attempt(&client, &[Subject::address(call.address)]).await?;
    drop(client);
    let hash = auth::hash_password(password, For::Address(call.address)).await?;

    let mut client = call.client().await?;
    let transaction = client
        .transaction()
        .await
        .map_err(failed("begin sign-up"))?;
    acting_unknown(&transaction, call.address).await?;
    call.end_former(&transaction).await?;
    let (session, token, organisation) =
        auth::sign_up(&transaction, &who, &hash, call.user_agent()).await?;
    let org_id = organisation.org_id;
    let document_id = create_document(
        &transaction,
        org_id,
        None,
        session.account_id,
        FIRST_TITLE,
        None,
    )
    .await?;
    transaction
        .commit()
        .await
        .map_err(failed("commit sign-up"))?;
    Ok(welcomed(
        call,
        StatusCode::CREATED,
        (&session, &token),
        organisation,
        Some(document_id),
    ))
}
