//! The handshake of a WebSocket (RFC 6455, 4.2). What goes over it is left to `Context::on_upgrade`.

use super::answer::{Answer, empty, problem, with};
use super::call::{Call, bearer, cookie_token, parameter};
use super::context::Context;
use super::guard::origin_is_known;
use crate::auth::{Session, SessionKind, Token, session_by_token};
use crate::error::Result;
use crate::postgres::failed;
use hyper::StatusCode;
use hyper::header::{
    CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// An upgrade that was promised: the connection that is to come, and whose it is.
pub struct Pending {
    /// Comes when the answer has been sent.
    pub connection: OnUpgrade,
    /// Who opened it, if the request said so.
    pub session: Option<Session>,
}

/// Answers the handshake. The connection itself comes when the answer has been sent.
pub async fn upgrade(
    call: &Call<'_>,
    connection: Option<OnUpgrade>,
) -> Result<(Answer, Option<Pending>)> {
    let (Some(key), Some(connection)) = (handshake_key(call.head), connection) else {
        let answer = problem(
            StatusCode::UPGRADE_REQUIRED,
            "this is the address of Quire's WebSocket, version 13",
        );
        let answer = with(answer, UPGRADE, "websocket");
        let answer = with(answer, CONNECTION, "upgrade");
        return Ok((with(answer, SEC_WEBSOCKET_VERSION, "13"), None));
    };
    if !origin_is_known(call.context, call.head) {
        let answer = problem(
            StatusCode::FORBIDDEN,
            "this origin may not open a WebSocket here",
        );
        return Ok((answer, None));
    }
    let session = session(call.context, call.head).await?;
    let answer = empty(StatusCode::SWITCHING_PROTOCOLS);
    let answer = with(answer, UPGRADE, "websocket");
    let answer = with(answer, CONNECTION, "upgrade");
    let answer = with(
        answer,
        SEC_WEBSOCKET_ACCEPT,
        &derive_accept_key(key.as_bytes()),
    );
    let pending = Pending {
        connection,
        session,
    };
    Ok((answer, Some(pending)))
}

async fn session(context: &Context, head: &Parts) -> Result<Option<Session>> {
    let named = parameter(head, "token").or_else(|| bearer(head));
    let named = named.and_then(Token::parse);
    // An address is written into logs: that of a browser's session would be enough to be that person.
    let is_named = named.is_some();
    let Some(token) = named.or_else(|| cookie_token(context, head)) else {
        return Ok(None);
    };
    let client = context
        .pool
        .get()
        .await
        .map_err(failed("connect for a WebSocket"))?;
    let session = session_by_token(&client, &token).await?;
    Ok(session.filter(|session| !is_named || session.kind == SessionKind::Token))
}

/// The key of a handshake that is complete.
fn handshake_key(head: &Parts) -> Option<&str> {
    let has = |name: &HeaderName, word: &str| {
        head.headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|value| value.trim().eq_ignore_ascii_case(word))
    };
    let complete = has(&CONNECTION, "upgrade")
        && has(&UPGRADE, "websocket")
        && has(&SEC_WEBSOCKET_VERSION, "13");
    let key = head.headers.get(SEC_WEBSOCKET_KEY)?.to_str().ok()?;
    // 16 bytes in base64.
    (complete && key.len() == 24).then_some(key)
}
