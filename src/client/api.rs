//! The part of the HTTP API that a client needs before it can join a document.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN, SET_COOKIE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::Address;
use crate::error::{Error, Kind, Result};

/// The longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Calls to one server, as one session or as nobody.
#[derive(Debug, Clone)]
pub struct Api {
    address: Address,
    token: Option<String>,
}

/// What a one-time link gave.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The session's secret.
    pub token: String,
    /// The organisation that the link led into.
    pub org_id: String,
    /// The document that it opens first.
    pub document_id: Option<String>,
}

impl Api {
    /// Calls as nobody.
    pub fn new(address: Address) -> Self {
        let token = None;
        Self { address, token }
    }

    /// Calls as the session with that secret.
    pub fn with_session(address: Address, token: &str) -> Self {
        let token = Some(token.to_owned());
        Self { address, token }
    }

    /// Uses a one-time link: `…/welcome#secret`, or the secret alone.
    ///
    /// # Errors
    /// `Gone` when it was used or is too old.
    pub async fn welcome(&self, link: &str, name: &str) -> Result<SignedIn> {
        let secret = link.rsplit('#').next().unwrap_or(link);
        let body = json!({"token": secret, "name": name});
        let answer = self
            .call(Method::POST, "/api/v1/welcome", Some(body))
            .await?;
        let cookies = answer.headers().get_all(SET_COOKIE);
        let token = cookies
            .iter()
            .filter_map(|cookie| cookie.to_str().ok())
            .find_map(session_cookie)
            .ok_or_else(|| Error::new(Kind::Internal, "the welcome set no session cookie"))?
            .to_owned();
        let body = read_json(answer).await?;
        Ok(SignedIn {
            token,
            org_id: text_at(&body, "/organisation/org_id")?,
            document_id: text_at(&body, "/document_id").ok(),
        })
    }

    /// Makes a one-time link for a new member.
    ///
    /// # Errors
    /// `SignedOut` or `Forbidden` when this session may not.
    pub async fn invite(&self, org_id: &str) -> Result<String> {
        let path = format!("/api/v1/organisations/{org_id}/invitations");
        let answer = self.call(Method::POST, &path, Some(json!({}))).await?;
        text_at(&read_json(answer).await?, "/url")
    }

    /// Makes a document and returns its id.
    ///
    /// # Errors
    /// `SignedOut` or `Forbidden` when this session may not.
    pub async fn create_document(&self, org_id: &str, title: &str) -> Result<String> {
        let path = format!("/api/v1/organisations/{org_id}/documents");
        let body = json!({"title": title});
        let answer = self.call(Method::POST, &path, Some(body)).await?;
        text_at(&read_json(answer).await?, "/document_id")
    }

    /// A document's plain text, as this server has it.
    ///
    /// # Errors
    /// `SignedOut`, `Forbidden` or `NotFound` when this session may not see it.
    pub async fn text(&self, org_id: &str, document_id: &str) -> Result<String> {
        let path = format!("/api/v1/organisations/{org_id}/documents/{document_id}/text");
        let answer = self.call(Method::GET, &path, None).await?;
        String::from_utf8(read(answer).await?.to_vec())
            .map_err(|error| Error::caused(Kind::Internal, "read a document's text", error))
    }

    /// One call; an answer that is no success is an error.
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Response<hyper::body::Incoming>> {
        let context = format!("{method} {}{path}", self.address);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.authority())
            .header(ORIGIN, self.address.origin())
            .header("x-quire", "1");
        if let Some(token) = &self.token {
            request = request.header(COOKIE, format!("quire_session={token}"));
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let request = request
            .body(Full::new(body))
            .map_err(|error| Error::caused(Kind::Invalid, context.clone(), error))?;
        let answer = self
            .send(request)
            .await
            .map_err(|error| Error::caused(Kind::Unavailable, context.clone(), error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = String::from_utf8_lossy(&read(answer).await?).into_owned();
        let text = format!("{context}: {status} {text}");
        Err(Error::new(kind(status), text))
    }

    async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> std::result::Result<
        Response<hyper::body::Incoming>,
        Box<dyn std::error::Error + Send + Sync>,
    > {
        let stream = TcpStream::connect(self.address.authority()).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the answer's body, or when the caller gives up on it.
        tokio::spawn(connection);
        Ok(sender.send_request(request).await?)
    }
}

async fn read(answer: Response<hyper::body::Incoming>) -> Result<Bytes> {
    let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES);
    let body = body
        .collect()
        .await
        .map_err(|error| Error::caused(Kind::Unavailable, "read an answer", error))?;
    Ok(body.to_bytes())
}

async fn read_json(answer: Response<hyper::body::Incoming>) -> Result<Value> {
    serde_json::from_slice(&read(answer).await?)
        .map_err(|error| Error::caused(Kind::Internal, "read an answer's JSON", error))
}

fn text_at(body: &Value, pointer: &str) -> Result<String> {
    match body.pointer(pointer).and_then(Value::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => Err(Error::new(
            Kind::Internal,
            format!("the answer has no text at {pointer}"),
        )),
    }
}

fn session_cookie(cookie: &str) -> Option<&str> {
    let (name, value) = cookie.split(';').next()?.split_once('=')?;
    let is_session = matches!(name.trim(), "quire_session" | "__Host-quire_session");
    (is_session && !value.is_empty()).then_some(value)
}

fn kind(status: StatusCode) -> Kind {
    match status.as_u16() {
        401 => Kind::SignedOut,
        403 => Kind::Forbidden,
        404 => Kind::NotFound,
        409 => Kind::Conflict,
        410 => Kind::Gone,
        413 => Kind::TooLarge,
        429 => Kind::Limited,
        500 => Kind::Internal,
        503 => Kind::Unavailable,
        _ => Kind::Invalid,
    }
}
