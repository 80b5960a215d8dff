//! Signing in by the OpenID Connect provider. The browser holds a secret in a cookie from which state,
//! nonce and PKCE verifier are derived, so only the browser that set out can come back, to any server.

use super::account::only_browsers;
use super::answer::{Answer, empty, json, problem, with};
use super::call::{Call, Fields};
use super::cookie;
use super::create_document::create_document;
use super::guard::page_origin;
use super::sign_in::{FIRST_TITLE, first_document, link_token};
use crate::auth::{self, Comer, Journey, LinkKind, Subject, Token, acting, acting_unknown};
use crate::error::{Error, Kind, Result};
use crate::oidc::{Identity, Provider, Return, Secrets};
use crate::postgres::failed;
use deadpool_postgres::Transaction;
use hyper::header::{LOCATION, SET_COOKIE};
use hyper::{Method, StatusCode};
use serde_json::json as value;

/// What an organisation is called that somebody gets by signing up.
const OWN_ORGANISATION: &str = "My organisation";

/// Why somebody is sent back to the sign-in page; the page has words for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// They said no at the provider.
    Cancelled,
    /// Another browser, another time, or for the second time.
    Late,
    /// The provider cannot be asked.
    Away,
    /// What the provider says is not believed.
    Refused,
    /// Nobody here has this identity.
    Unknown,
    /// The one-time link does not work any more.
    Used,
    /// Another account has this identity.
    Taken,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Late => "late",
            Self::Away => "away",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Used => "used",
            Self::Taken => "taken",
        }
    }
}

/// Where the browser goes from here, and what it is given.
struct Arrival {
    page: String,
    token: Option<Token>,
}

/// `GET /api/v1/oidc`: what the button is called; null: there is none.
pub fn show(call: &Call<'_>) -> Answer {
    let name = call.context.oidc.as_ref().map(|provider| &provider.name);
    json(StatusCode::OK, &value!({ "name": name }))
}

/// `POST /api/v1/oidc`: the provider's page to go to; with the token of a one-time link to use it, with
/// `link` to link the identity to the account that is signed in.
pub async fn begin(call: &Call<'_>) -> Result<Answer> {
    let provider = provider(call)?;
    let fields = call.fields()?;
    let mut journey = Journey {
        origin: page_origin(call.context, call.head),
        invitation_hash: None,
        name: fields.name("name", 100)?.map(str::to_owned),
        session_id: None,
    };
    match (fields.text("token")?, fields.flag("link")?) {
        (Some(_), true) => {
            let context = "link: a one-time link makes or joins an account of its own";
            return Err(Error::new(Kind::Invalid, context));
        }
        (Some(token), false) => {
            let token = link_token(token)?;
            let link = auth::look_at_link(&call.client().await?, &token).await?;
            if link.kind == LinkKind::Return {
                let context = "token: this link signs in by itself";
                return Err(Error::new(Kind::Invalid, context));
            }
            journey.invitation_hash = Some(token.hash());
        }
        (None, true) => journey.session_id = Some(who_links(call, &fields).await?),
        (None, false) => {}
    }
    let client = call.client().await?;
    auth::count_attempt(&client, &[Subject::address(call.address)]).await?;
    // None is held while the provider is asked.
    drop(client);
    let token = Token::random();
    let redirect = redirect(&journey.origin);
    let address = match provider.address(&redirect, &secrets(&token)).await {
        Ok(address) => address,
        Err(error) if error.kind() == Kind::Unavailable => {
            tracing::warn!(%error, "the OpenID provider cannot be asked");
            let detail = "the sign-in provider cannot be reached just now; try again";
            return Ok(problem(StatusCode::SERVICE_UNAVAILABLE, detail));
        }
        Err(error) => return Err(error),
    };
    auth::set_out(&call.client().await?, &token, &journey).await?;
    let answer = json(StatusCode::OK, &value!({ "url": address }));
    Ok(with(answer, SET_COOKIE, &cookie::set_out(call, &token)))
}

/// `GET /api/v1/oidc/callback`: the browser is back. It is sent on at once, to an address without a
/// secret.
pub async fn callback(call: &Call<'_>) -> Result<Answer> {
    let provider = provider(call)?;
    if call.head.method == Method::HEAD {
        return Ok(see("/sign-in"));
    }
    let (page, token) = match arrive(call, provider).await {
        Ok(Ok(arrival)) => (arrival.page, arrival.token),
        Ok(Err(reason)) => (note_refusal(call, provider, reason).await?, None),
        Err(error) => {
            let reason = match error.kind() {
                Kind::Unavailable | Kind::Limited => Reason::Away,
                Kind::SignedOut => Reason::Late,
                Kind::Gone => Reason::Used,
                Kind::Conflict => Reason::Taken,
                _ => Reason::Refused,
            };
            if reason == Reason::Away || error.kind() == Kind::Internal {
                tracing::warn!(%error, "a sign-in by the OpenID provider failed");
            } else {
                tracing::info!(%error, "a sign-in by the OpenID provider was refused");
            }
            (note_refusal(call, provider, reason).await?, None)
        }
    };
    let answer = with(see(&page), SET_COOKIE, &cookie::came_back(call));
    Ok(match token {
        Some(token) => with(answer, SET_COOKIE, &cookie::signed_in(call, &token)),
        None => answer,
    })
}

async fn arrive(call: &Call<'_>, provider: &Provider) -> Result<Result<Arrival, Reason>> {
    let Some(token) = cookie::on_the_way(call) else {
        return Ok(Err(Reason::Late));
    };
    let Some(journey) = auth::come_back(&call.client().await?, &token).await? else {
        return Ok(Err(Reason::Late));
    };
    let secrets = secrets(&token);
    let back = Return::of(call.head.uri.query().unwrap_or(""));
    if back.state != secrets.state {
        return Ok(Err(Reason::Refused));
    }
    let code = match (back.code, back.error.as_deref()) {
        (Some(code), None) => code,
        (_, Some("access_denied")) => return Ok(Err(Reason::Cancelled)),
        (_, Some("temporarily_unavailable" | "server_error")) => return Ok(Err(Reason::Away)),
        _ => return Ok(Err(Reason::Refused)),
    };
    let redirect = redirect(&journey.origin);
    let identity = provider.identity(&redirect, &code, &secrets).await?;
    if journey.session_id.is_some() {
        return link(call, &journey, &identity).await;
    }
    enter(call, &journey, &identity).await
}

/// Signs in, with a one-time link if one was given.
async fn enter(
    call: &Call<'_>,
    journey: &Journey,
    identity: &Identity,
) -> Result<Result<Arrival, Reason>> {
    let mut client = call.client().await?;
    let transaction = client
        .transaction()
        .await
        .map_err(failed("begin sign-in by a provider"))?;
    acting_unknown(&transaction, call.address).await?;
    call.end_former(&transaction).await?;
    let known = auth::use_identity(&transaction, identity).await?;
    let name = journey.name.clone();
    let name = name.unwrap_or_else(|| auth::name_of(identity));
    let arrival = match (&journey.invitation_hash, known) {
        (Some(link), known) => {
            let who = known.map_or(Comer::New(&name), Comer::Known);
            let mut sign_in =
                auth::use_link_hash(&transaction, link, who, call.user_agent()).await?;
            first_document(&transaction, &mut sign_in).await?;
            if known.is_none() {
                auth::link_identity(&transaction, sign_in.session.account_id, identity).await?;
            }
            let org_id = sign_in.organisation.org_id;
            let document = sign_in.document_id;
            Arrival {
                page: document.map_or("/".to_owned(), |id| format!("/{org_id}/{id}")),
                token: Some(sign_in.token),
            }
        }
        (None, Some(account_id)) => {
            let (_, token) =
                auth::start_session(&transaction, account_id, call.user_agent()).await?;
            Arrival {
                page: "/sign-in#oidc=done".to_owned(),
                token: Some(token),
            }
        }
        (None, None) if call.context.open_sign_up => {
            sign_up(call, &transaction, &name, identity).await?
        }
        (None, None) => return Ok(Err(Reason::Unknown)),
    };
    transaction
        .commit()
        .await
        .map_err(failed("commit sign-in by a provider"))?;
    auth::forgive_address(&client, call.address).await?;
    Ok(Ok(arrival))
}

/// An account, its organisation and a first document, where anybody may sign up.
async fn sign_up(
    call: &Call<'_>,
    transaction: &Transaction<'_>,
    name: &str,
    identity: &Identity,
) -> Result<Arrival> {
    let account_id = auth::add_account(transaction, name).await?;
    auth::link_identity(transaction, account_id, identity).await?;
    let organisation = auth::add_organisation(transaction, account_id, OWN_ORGANISATION).await?;
    let (_, token) = auth::start_session(transaction, account_id, call.user_agent()).await?;
    let org_id = organisation.org_id;
    let document_id =
        create_document(transaction, org_id, None, account_id, FIRST_TITLE, None).await?;
    Ok(Arrival {
        page: format!("/{org_id}/{document_id}"),
        token: Some(token),
    })
}

/// Links the identity to the account whose session set out, if it is still the browser's.
async fn link(
    call: &Call<'_>,
    journey: &Journey,
    identity: &Identity,
) -> Result<Result<Arrival, Reason>> {
    let mut client = call.client().await?;
    let session = call.session(&client).await?;
    if Some(session.session_id) != journey.session_id {
        return Ok(Err(Reason::Late));
    }
    let transaction = client.transaction().await.map_err(failed("begin link"))?;
    acting(&transaction, &session, call.address).await?;
    auth::hold_session(&transaction, &session).await?;
    auth::link_identity(&transaction, session.account_id, identity).await?;
    transaction.commit().await.map_err(failed("commit link"))?;
    auth::forgive_address(&client, call.address).await?;
    Ok(Ok(Arrival {
        page: "/account#oidc=linked".to_owned(),
        token: None,
    }))
}

/// The session that may link an identity: a browser's, and its account's password is known to it.
/// Otherwise whoever finds a browser open would have a way in for ever.
async fn who_links(call: &Call<'_>, fields: &Fields) -> Result<uuid::Uuid> {
    let client = call.client().await?;
    let session = call.session(&client).await?;
    only_browsers(&session)?;
    let own = auth::login_of(&client, session.account_id).await?;
    drop(client);
    if let Some(mut own) = own {
        let current = fields.needed_secret("current_password")?;
        auth::verify_again(&call.context.pool, &mut own, current, call.address).await?;
    }
    Ok(session.session_id)
}

/// Notes it in the audit, and says where the browser goes. Who comes without having set out is noted
/// only as often as somebody may guess.
async fn note_refusal(call: &Call<'_>, provider: &Provider, reason: Reason) -> Result<String> {
    let page = format!("/sign-in#oidc={}", reason.name());
    let mut client = call.client().await?;
    if reason == Reason::Late {
        let counted = auth::count_attempt(&client, &[Subject::address(call.address)]).await;
        match counted {
            Err(error) if error.kind() == Kind::Limited => return Ok(page),
            counted => counted?,
        }
    }
    let transaction = client
        .transaction()
        .await
        .map_err(failed("begin refusal"))?;
    acting_unknown(&transaction, call.address).await?;
    auth::note_refused_identity(&transaction, &provider.name, reason.name()).await?;
    transaction
        .commit()
        .await
        .map_err(failed("commit refusal"))?;
    Ok(page)
}

fn provider<'a>(call: &'a Call<'_>) -> Result<&'a Provider> {
    call.context.oidc.as_ref().ok_or_else(|| {
        let context = "this Quire has no provider to sign in by";
        Error::new(Kind::NotFound, context)
    })
}

fn secrets(token: &Token) -> Secrets {
    Secrets {
        state: token.derived("oidc state"),
        nonce: token.derived("oidc nonce"),
        verifier: token.derived("oidc verifier"),
    }
}

fn redirect(origin: &str) -> String {
    format!("{origin}/api/v1/oidc/callback")
}

fn see(page: &str) -> Answer {
    with(empty(StatusCode::SEE_OTHER), LOCATION, page)
}
