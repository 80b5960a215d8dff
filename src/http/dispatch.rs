//! From a request to its endpoint and back: guards first, then the route, then the method; every
//! answer gets its protecting headers.

use super::answer::{Answer, empty, problem, refusal, with};
use super::call::{Call, read_body};
use super::context::Context;
use super::proxy::client_address;
use super::route::{Route, allow, is_page, uuid};
use super::upgrade::{Pending, upgrade};
use super::{
    access_requests, account, account_sessions, account_tokens, audit, comments, documents, edits,
    files, folders, grants, groups, guard, history, identities, invitations, oidc, organisations,
    overview, password_resets, protection, publication, published, share_links, sign_in, sign_up,
    status, text, trace,
};
use crate::auth::SessionKind;
use crate::error::Result;
use crate::traces::{self, Span};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ALLOW, HeaderValue, ORIGIN, VARY,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use std::net::IpAddr;
use uuid::Uuid;

/// Answers a request. The second part is a WebSocket that was promised by the answer.
pub async fn dispatch(
    context: &Context,
    address: IpAddr,
    request: Request<Incoming>,
) -> (Answer, Option<Pending>) {
    let (mut head, body) = request.into_parts();
    let connection = head.extensions.remove::<hyper::upgrade::OnUpgrade>();
    let route = Route::of(head.uri.path());
    let address = client_address(&context.trusted_proxies, address, &head.headers);
    let mut span = trace::begin(&head, route.as_ref());
    let answered = answer(context, address, &head, body, route, connection);
    let answered = tokio::time::timeout(context.timeouts.call, answered);
    let answered = traces::within(span.as_ref().map(Span::place), answered);
    let (mut answer, pending) = answered.await.unwrap_or_else(|_| {
        tracing::warn!(method = %head.method, "request took too long");
        let detail = "the server is too busy just now; try again";
        (problem(StatusCode::SERVICE_UNAVAILABLE, detail), None)
    });
    if let Some(span) = &mut span {
        trace::end(span, answer.status());
    }
    share_with_sister(context, &head, &mut answer);
    protection::protect(context, &head, &mut answer);
    (answer, pending)
}

async fn answer(
    context: &Context,
    address: IpAddr,
    head: &Parts,
    body: Incoming,
    route: Option<Route>,
    connection: Option<hyper::upgrade::OnUpgrade>,
) -> (Answer, Option<Pending>) {
    let is_probe = route.as_ref().is_some_and(Route::is_probe)
        || route == Some(Route::Metrics) && guard::is_neighbour(head);
    if !is_probe && !guard::host_is_known(context, head) {
        let detail = "this is not the name of a Quire server; see --public-url";
        return (problem(StatusCode::MISDIRECTED_REQUEST, detail), None);
    }
    let Some(route) = route else {
        return (page(head), None);
    };
    if head.method == Method::OPTIONS {
        return (options(context, head, &route), None);
    }
    let elsewhere = organisation_of(head.uri.path()).map(|id| context.directory.check(id));
    if let Some(Err(error)) = elsewhere {
        return (refusal(&error), None);
    }
    let is_read = matches!(head.method, Method::GET | Method::HEAD);
    let method = if is_read { &Method::GET } else { &head.method };
    if !route.methods().contains(method) {
        return (method_not_allowed(route.methods()), None);
    }
    let mut call = Call {
        context,
        address,
        needs: route.scope(&head.method),
        head,
        body: Bytes::new(),
    };
    if !is_read {
        if let Some(detail) = guard::forgery(context, head) {
            return (problem(StatusCode::FORBIDDEN, detail), None);
        }
        // Nobody's content is kept who is not signed in.
        if route.has_content()
            && let Err(error) = is_somebody(&call).await
        {
            return (refusal(&error), None);
        }
        call.body = match read_body(context, body, route.body_bytes()).await {
            Ok(body) => body,
            Err(answer) => return (answer, None),
        };
    }
    if route == Route::Sync {
        // HEAD has nothing to upgrade.
        let connection = connection.filter(|_| head.method == Method::GET);
        return match upgrade(&call, connection).await {
            Ok(answered) => answered,
            Err(error) => (refusal(&error), None),
        };
    }
    let answer = endpoint(&call, route).await;
    (answer.unwrap_or_else(|error| refusal(&error)), None)
}

async fn is_somebody(call: &Call<'_>) -> Result<()> {
    let client = call.client().await?;
    call.session(&client).await.map(|_| ())
}

/// The organisation that an address of the API is about.
fn organisation_of(path: &str) -> Option<Uuid> {
    let rest = path.strip_prefix("/api/v1/organisations/")?;
    uuid(rest.split('/').next()?)
}

async fn endpoint(call: &Call<'_>, route: Route) -> Result<Answer> {
    let method = &call.head.method;
    match route {
        Route::Welcome => sign_in::welcome(call).await,
        Route::WelcomePreview => sign_in::preview(call).await,
        Route::Me => match *method {
            Method::PATCH => account::rename(call).await,
            _ => account::show(call).await,
        },
        Route::MyPassword => account::set_password(call).await,
        Route::MySessions => match *method {
            Method::DELETE => account_sessions::end_all(call).await,
            _ => account_sessions::list(call).await,
        },
        Route::MySession(session_id) => {
            account_sessions::end_one(call, session_id, SessionKind::Browser).await
        }
        Route::MyTokens => match *method {
            Method::POST => account_tokens::make(call).await,
            _ => account_tokens::list(call).await,
        },
        Route::MyToken(session_id) => {
            account_sessions::end_one(call, session_id, SessionKind::Token).await
        }
        Route::MyIdentities => identities::list(call).await,
        Route::MyIdentity(identity_id) => identities::unlink(call, identity_id).await,
        Route::Oidc => match *method {
            Method::POST => oidc::begin(call).await,
            _ => Ok(oidc::show(call)),
        },
        Route::OidcCallback => oidc::callback(call).await,
        Route::PasswordResets => match *method {
            Method::PUT => password_resets::set(call).await,
            _ => password_resets::ask(call).await,
        },
        Route::SignUp => match *method {
            Method::POST => sign_up::sign_up(call).await,
            _ => Ok(sign_up::show(call)),
        },
        Route::Session => match *method {
            Method::POST => sign_in::sign_in(call).await,
            _ => sign_in::sign_out(call).await,
        },
        Route::OpenApi => Ok(status::openapi()),
        Route::Servers => Ok(status::servers(call.context)),
        Route::Documents(org_id) => match *method {
            Method::POST => documents::create(call, org_id).await,
            _ => documents::list(call, org_id).await,
        },
        Route::Document(org_id, document_id) => match *method {
            Method::PATCH => documents::change(call, org_id, document_id).await,
            Method::DELETE => documents::delete(call, org_id, document_id).await,
            _ => documents::show(call, org_id, document_id).await,
        },
        Route::Restore(org_id, document_id) => documents::restore(call, org_id, document_id).await,
        Route::Text(org_id, document_id) => text::show(call, org_id, document_id).await,
        Route::Export(org_id, document_id) => text::export(call, org_id, document_id).await,
        Route::History(org_id, document_id) => history::list(call, org_id, document_id).await,
        Route::Comparison(org_id, document_id) => history::compare(call, org_id, document_id).await,
        Route::Differences(org_id, document_id) => {
            history::differences(call, org_id, document_id).await
        }
        Route::Blame(org_id, document_id) => history::blame(call, org_id, document_id).await,
        Route::RestoreMoment(org_id, document_id) => {
            history::restore(call, org_id, document_id).await
        }
        Route::Undo(org_id, document_id) => history::undo(call, org_id, document_id).await,
        Route::Versions(org_id, document_id) => match *method {
            Method::POST => history::add(call, org_id, document_id).await,
            _ => history::list_versions(call, org_id, document_id).await,
        },
        Route::Version(org_id, document_id, version_id) => match *method {
            Method::PATCH => history::rename(call, org_id, document_id, version_id).await,
            _ => history::remove(call, org_id, document_id, version_id).await,
        },
        Route::Publication(org_id, document_id) => match *method {
            Method::PUT => publication::publish(call, org_id, document_id).await,
            Method::DELETE => publication::withdraw(call, org_id, document_id).await,
            _ => publication::show(call, org_id, document_id).await,
        },
        Route::Published(publication_id) => published::show(call, publication_id).await,
        Route::Edits(org_id, document_id) => edits::edit(call, org_id, document_id).await,
        Route::Comments(org_id, document_id) => match *method {
            Method::POST => comments::begin(call, org_id, document_id).await,
            _ => comments::list(call, org_id, document_id).await,
        },
        Route::Thread(org_id, document_id, thread_id) => match *method {
            Method::PATCH => comments::resolve(call, org_id, document_id, thread_id).await,
            _ => comments::remove(call, org_id, document_id, thread_id).await,
        },
        Route::Replies(org_id, document_id, thread_id) => {
            comments::reply(call, org_id, document_id, thread_id).await
        }
        Route::Reply(org_id, document_id, thread_id, comment_id) => match *method {
            Method::PATCH => {
                comments::change(call, org_id, document_id, thread_id, comment_id).await
            }
            _ => comments::remove_reply(call, org_id, document_id, thread_id, comment_id).await,
        },
        Route::Invitations(org_id) => invitations::invite(call, org_id).await,
        Route::Organisation(org_id) => match *method {
            Method::PATCH => organisations::change(call, org_id).await,
            _ => organisations::show(call, org_id).await,
        },
        Route::Members(org_id) => organisations::members(call, org_id).await,
        Route::Member(org_id, account_id) => match *method {
            Method::PATCH => organisations::change_member(call, org_id, account_id).await,
            _ => organisations::remove_member(call, org_id, account_id).await,
        },
        Route::Groups(org_id) => match *method {
            Method::POST => groups::create(call, org_id).await,
            _ => groups::list(call, org_id).await,
        },
        Route::Group(org_id, group_id) => match *method {
            Method::PATCH => groups::rename(call, org_id, group_id).await,
            _ => groups::remove(call, org_id, group_id).await,
        },
        Route::GroupMember(org_id, group_id, account_id) => match *method {
            Method::PUT => groups::add_member(call, org_id, group_id, account_id).await,
            _ => groups::remove_member(call, org_id, group_id, account_id).await,
        },
        Route::Folders(org_id) => match *method {
            Method::POST => folders::create(call, org_id).await,
            _ => folders::list(call, org_id).await,
        },
        Route::Folder(org_id, folder_id) => match *method {
            Method::PATCH => folders::change(call, org_id, folder_id).await,
            Method::DELETE => folders::remove(call, org_id, folder_id).await,
            _ => folders::show(call, org_id, folder_id).await,
        },
        Route::Grants(org_id, object) => match *method {
            Method::POST => grants::put(call, org_id, object).await,
            _ => grants::list(call, org_id, object).await,
        },
        Route::Grant(org_id, object, grant_id) => {
            grants::remove(call, org_id, object, grant_id).await
        }
        Route::AccessRequests(org_id, document_id) => match *method {
            Method::POST => access_requests::ask(call, org_id, document_id).await,
            _ => access_requests::list(call, org_id, document_id).await,
        },
        Route::AccessRequest(org_id, document_id, account_id) => {
            access_requests::dismiss(call, org_id, document_id, account_id).await
        }
        Route::ShareLinks(org_id, object) => share_links::create(call, org_id, object).await,
        Route::ShareLink(org_id, object, link_id) => {
            share_links::revoke(call, org_id, object, link_id).await
        }
        Route::SharePreview => share_links::preview(call).await,
        Route::ShareOpen => share_links::open(call).await,
        Route::Audit(org_id) => audit::list(call, org_id).await,
        Route::AdminOverview => overview::show(call).await,
        Route::Health => Ok(status::health()),
        Route::Ready => Ok(status::ready(call.context)),
        Route::Metrics => Ok(status::metrics(call.context).await),
        Route::Sync => unreachable!("the handshake is answered before"),
    }
}

/// A file of the page, the page itself, or nothing.
fn page(head: &Parts) -> Answer {
    let path = head.uri.path();
    let found = if is_page(path) {
        files::page(&head.headers)
    } else {
        files::file(path, &head.headers)
    };
    match found {
        None => problem(StatusCode::NOT_FOUND, "there is nothing at this address"),
        Some(_) if !matches!(head.method, Method::GET | Method::HEAD) => {
            method_not_allowed(&[Method::GET])
        }
        Some(answer) => answer,
    }
}

fn method_not_allowed(methods: &[Method]) -> Answer {
    let detail = "this address does not know this method";
    with(
        problem(StatusCode::METHOD_NOT_ALLOWED, detail),
        ALLOW,
        &allow(methods),
    )
}

/// What an address knows; for the page of another of Quire's servers also that it may ask.
fn options(context: &Context, head: &Parts, route: &Route) -> Answer {
    let allow = allow(route.methods());
    let answer = with(empty(StatusCode::NO_CONTENT), ALLOW, &allow);
    if guard::sister_origin(context, head).is_none() {
        return answer;
    }
    let answer = with(answer, ACCESS_CONTROL_ALLOW_METHODS, &allow);
    let answer = with(
        answer,
        ACCESS_CONTROL_ALLOW_HEADERS,
        "content-type, x-quire",
    );
    with(answer, ACCESS_CONTROL_MAX_AGE, "600")
}

/// When its own server is down, a page asks another one of Quire's servers.
fn share_with_sister(context: &Context, head: &Parts, answer: &mut Answer) {
    if !head.headers.contains_key(ORIGIN) {
        return;
    }
    let headers = answer.headers_mut();
    headers.append(VARY, HeaderValue::from_static("origin"));
    let Some(origin) = guard::sister_origin(context, head) else {
        return;
    };
    if let Ok(origin) = HeaderValue::from_str(&origin) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
    }
}
