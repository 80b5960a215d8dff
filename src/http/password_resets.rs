//! A forgotten password: a link by mail, and the new password that it sets. Whether an account has
//! a mail address shows neither in the answer nor in how long it takes: the mail is sent elsewhere.

use super::account::Me;
use super::answer::{Answer, empty, json, with};
use super::call::Call;
use super::cookie;
use super::guard::mail_origin;
use crate::auth::{self, For, Subject, Token, acting_unknown};
use crate::error::{Error, Kind, Result};
use crate::mail::Mailer;
use crate::postgres::{Pool, failed};
use hyper::StatusCode;
use hyper::header::SET_COOKIE;
use tokio::sync::mpsc;

/// Requests that wait to be looked at; with more, whoever asks is told to ask again.
pub const RESETS: usize = 100;

/// Somebody says that they have forgotten their password.
#[derive(Debug)]
pub struct ResetRequest {
    email: String,
    /// The address of Quire that the link leads to.
    origin: String,
}

/// `POST /api/v1/password-resets`.
pub async fn ask(call: &Call<'_>) -> Result<Answer> {
    let email = auth::check_email(call.fields()?.needed_text("email")?)?;
    let client = call.client().await?;
    auth::count_attempt(&client, &[Subject::address(call.address)]).await?;
    let origin = mail_origin(call.context, call.head);
    let request = ResetRequest { email, origin };
    call.context.resets.try_send(request).map_err(|_| {
        let context = "too many mails are on their way; try again in a moment";
        Error::new(Kind::Limited, context)
    })?;
    Ok(empty(StatusCode::ACCEPTED))
}

/// `PUT /api/v1/password-resets`: sets the password and signs in; other browsers are signed out.
pub async fn set(call: &Call<'_>) -> Result<Answer> {
    let fields = call.fields()?;
    let token = Token::parse(fields.needed_text("token")?).ok_or_else(auth::reset_is_gone)?;
    let password = fields.needed_secret("password")?;
    auth::check_password(password)?;
    // Nobody is worth the work who has no link.
    let client = call.client().await?;
    auth::check_reset(&client, &token).await?;
    auth::count_attempt(&client, &[Subject::address(call.address)]).await?;
    drop(client);
    let hash = auth::hash_password(password, For::Address(call.address)).await?;

    let mut client = call.client().await?;
    let transaction = client
        .transaction()
        .await
        .map_err(failed("begin password reset"))?;
    acting_unknown(&transaction, call.address).await?;
    let account_id = auth::use_reset(&transaction, &token).await?;
    let login = auth::login_of(&transaction, account_id)
        .await?
        .ok_or_else(auth::reset_is_gone)?;
    auth::set_login(&transaction, account_id, &login.email, &hash).await?;
    auth::end_browser_sessions(&transaction, account_id, None).await?;
    call.end_former(&transaction).await?;
    let (session, token) = auth::start_session(&transaction, account_id, call.user_agent()).await?;
    let me = Me::of(&transaction, session).await?;
    auth::forgive_address(&transaction, call.address).await?;
    transaction
        .commit()
        .await
        .map_err(failed("commit password reset"))?;
    let own = Subject::email(&login.email);
    auth::forget_attempts(&client, &own).await?;
    let cookie = cookie::signed_in(call, &token);
    Ok(with(json(StatusCode::OK, &me), SET_COOKIE, &cookie))
}

/// Sends the mails that were asked for, one after another, until `stop`. A mail that is not sent is
/// not tried again: whoever waits for it asks once more.
pub async fn send_resets(
    pool: Pool,
    mailer: Mailer,
    mut asked: mpsc::Receiver<ResetRequest>,
    stop: impl Future<Output = ()>,
) {
    let send_all = async {
        while let Some(request) = asked.recv().await {
            if let Err(error) = send(&pool, &mailer, &request).await {
                tracing::warn!(%error, "a mail for a new password was not sent");
            }
        }
    };
    tokio::select! {
        biased;
        () = stop => {}
        () = send_all => {}
    }
}

async fn send(pool: &Pool, mailer: &Mailer, request: &ResetRequest) -> Result<()> {
    let client = pool.get().await.map_err(failed("connect for a mail"))?;
    let Some(token) = auth::make_reset(&client, &request.email).await? else {
        return Ok(());
    };
    drop(client);
    let text = format!(
        "Somebody, perhaps you, asked for a new password for this mail address. With this link you \
         set it; it works once, within an hour:\n\n{}/reset#{}\n\nIf it was not you, there is \
         nothing to do.\n",
        request.origin,
        token.reveal()
    );
    mailer
        .send(&request.email, "Your new password", &text)
        .await
}
