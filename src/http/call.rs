//! One request as its endpoint sees it: who is signed in, what the body says.

use super::answer::{Answer, problem};
use super::context::Context;
use super::guard::is_https;
use crate::auth::{Scope, Session, SessionKind, Token, end_session, session_by_token};
use crate::error::{Error, Kind, Result};
use crate::postgres::{PoolClient, failed};
use bytes::Bytes;
use deadpool_postgres::Transaction;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::{Body, Incoming};
use hyper::header::{AUTHORIZATION, COOKIE, USER_AGENT};
use hyper::http::request::Parts;
use serde_json::{Map, Value};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use uuid::Uuid;

/// Largest body of a request, in bytes.
pub const BODY_BYTES: usize = 64 * 1024;
/// The same where it brings a document's content.
pub const CONTENT_BYTES: usize = 1024 * 1024;

/// A request, read to its end.
pub struct Call<'a> {
    /// What the server gave.
    pub context: &'a Context,
    /// The network address that it came from.
    pub address: IpAddr,
    /// What an API token must be allowed to do here.
    pub needs: Scope,
    /// Method, address and headers.
    pub head: &'a Parts,
    /// The body; empty for GET.
    pub body: Bytes,
}

impl Call<'_> {
    /// A connection to the database.
    pub async fn client(&self) -> Result<PoolClient> {
        self.context
            .pool
            .get()
            .await
            .map_err(failed("connect for a request"))
    }

    /// The session of the request's API token, else of its cookie, or `SignedOut`. `Forbidden` when
    /// the token's scopes are not enough for the endpoint.
    pub async fn session(&self, client: &PoolClient) -> Result<Session> {
        let signed_out = || Error::new(Kind::SignedOut, "you are not signed in");
        let (token, kind) = match bearer(self.head) {
            Some(token) => (Token::parse(token), SessionKind::Token),
            None => (cookie_token(self.context, self.head), SessionKind::Browser),
        };
        let session = session_by_token(client, &token.ok_or_else(signed_out)?)
            .await?
            .filter(|session| session.kind == kind)
            .ok_or_else(signed_out)?;
        if session.scopes.allow(self.needs) {
            return Ok(session);
        }
        Err(Error::new(
            Kind::Forbidden,
            format!("this API token lacks the scope {}", self.needs.name()),
        ))
    }

    /// Ends the session that the browser had so far: it gets another one, and whoever knows the
    /// former one must not be signed in by it.
    pub async fn end_former(&self, transaction: &Transaction<'_>) -> Result<()> {
        let Some(token) = cookie_token(self.context, self.head) else {
            return Ok(());
        };
        match session_by_token(transaction, &token).await? {
            Some(former) => end_session(transaction, former.session_id).await,
            None => Ok(()),
        }
    }

    /// What the client calls itself.
    pub fn user_agent(&self) -> &str {
        self.head
            .headers
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }

    /// The body as a JSON object; no body at all is an empty one.
    ///
    /// # Errors
    /// `Invalid` when it is no JSON object.
    pub fn fields(&self) -> Result<Fields> {
        Fields::read(&self.body)
    }
}

/// Reads a request's body, or says why it is refused: too large, too slow, broken off.
pub async fn read_body(context: &Context, body: Incoming, most: usize) -> Result<Bytes, Answer> {
    let too_large = || {
        problem(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("the body is larger than {} KiB", most / 1024),
        )
    };
    // One that says so itself is not even read.
    if body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    let body = Limited::new(body, most).collect();
    match tokio::time::timeout(context.timeouts.body, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(problem(StatusCode::BAD_REQUEST, "the body is broken")),
        Err(_) => Err(problem(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time",
        )),
    }
}

/// The fields of a JSON body. Every error names the field.
pub struct Fields(Map<String, Value>);

impl Fields {
    /// # Errors
    /// `Invalid` when it is no JSON object; nothing at all is an empty one.
    pub fn read(body: &[u8]) -> Result<Self> {
        if body.is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Error::new(Kind::Invalid, "the body must be a JSON object")),
            Err(error) => Err(Error::new(
                Kind::Invalid,
                format!("the body is not JSON: {error}"),
            )),
        }
    }

    /// A text, trimmed; absent or null: `None`.
    pub fn text(&self, name: &str) -> Result<Option<&str>> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim())),
            Some(_) => Err(Error::new(Kind::Invalid, format!("{name}: must be a text"))),
        }
    }

    /// A text that must be there.
    pub fn needed_text(&self, name: &str) -> Result<&str> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    /// A text as it is, not trimmed (a password, Markdown); absent or null: `None`.
    pub fn secret(&self, name: &str) -> Result<Option<&str>> {
        self.text(name)?;
        Ok(self.0.get(name).and_then(Value::as_str))
    }

    /// A whole number of a range; absent or null: `None`.
    pub fn number(&self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>> {
        let number = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value.as_i64(),
        };
        match number {
            Some(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(Error::new(
                Kind::Invalid,
                format!(
                    "{name}: must be a whole number from {} to {}",
                    range.start(),
                    range.end()
                ),
            )),
        }
    }

    /// A name: 1 to `most` printable characters; absent or null: `None`.
    pub fn name(&self, name: &str, most: usize) -> Result<Option<&str>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let characters = text.chars().count();
        if !(1..=most).contains(&characters) || text.chars().any(char::is_control) {
            return Err(Error::new(
                Kind::Invalid,
                format!("{name}: 1 to {most} printable characters are needed"),
            ));
        }
        Ok(Some(text))
    }

    /// A whole number of a range, which must be there.
    pub fn needed_number(&self, name: &str, range: RangeInclusive<i64>) -> Result<i64> {
        self.number(name, range)?.ok_or_else(|| missing(name))
    }

    /// A name that must be there.
    pub fn needed_name(&self, name: &str, most: usize) -> Result<&str> {
        self.name(name, most)?.ok_or_else(|| missing(name))
    }

    /// One of these words, which must be there.
    pub fn needed_one_of(&self, name: &str, words: &[&str]) -> Result<&str> {
        self.one_of(name, words)?.ok_or_else(|| missing(name))
    }

    /// One of these words; absent or null: `None`.
    pub fn one_of(&self, name: &str, words: &[&str]) -> Result<Option<&str>> {
        match self.text(name)? {
            Some(word) if !words.contains(&word) => Err(Error::new(
                Kind::Invalid,
                format!("{name}: must be one of {}", words.join(", ")),
            )),
            word => Ok(word),
        }
    }

    /// Yes or no; absent or null: no.
    pub fn flag(&self, name: &str) -> Result<bool> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(Error::new(
                Kind::Invalid,
                format!("{name}: must be true or false"),
            )),
        }
    }

    /// Whether the body names the field at all, be it with null.
    pub fn names(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A password that must be there.
    pub fn needed_secret(&self, name: &str) -> Result<&str> {
        self.needed_text(name)?;
        Ok(self.secret(name)?.unwrap_or(""))
    }

    /// A list of texts that must be there.
    pub fn texts(&self, name: &str) -> Result<Vec<&str>> {
        let invalid = || Error::new(Kind::Invalid, format!("{name}: must be a list of texts"));
        let list = self.0.get(name).and_then(Value::as_array);
        let texts = list.ok_or_else(invalid)?.iter().map(Value::as_str);
        texts.collect::<Option<_>>().ok_or_else(invalid)
    }

    /// A list of objects that must be there. What is wrong in one is said by its place in the list.
    pub fn objects(&self, name: &str) -> Result<Vec<Fields>> {
        let invalid = || Error::new(Kind::Invalid, format!("{name}: must be a list of objects"));
        let list = self.0.get(name).and_then(Value::as_array);
        let objects = list.ok_or_else(invalid)?.iter().map(|value| match value {
            Value::Object(fields) => Some(Fields(fields.clone())),
            _ => None,
        });
        objects.collect::<Option<_>>().ok_or_else(invalid)
    }

    /// An object; absent or null: `None`.
    pub fn object(&self, name: &str) -> Result<Option<Fields>> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Fields(fields.clone()))),
            Some(_) => Err(Error::new(
                Kind::Invalid,
                format!("{name}: must be an object"),
            )),
        }
    }

    /// Plain text of several lines, so many characters of it, and some that can be seen unless none
    /// are needed; absent or null: `None`.
    pub fn prose(&self, name: &str, characters: RangeInclusive<usize>) -> Result<Option<&str>> {
        let Some(text) = self.secret(name)? else {
            return Ok(None);
        };
        let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        let is_blank = *characters.start() > 0 && text.trim().is_empty();
        if is_blank || text.contains(is_odd) || !characters.contains(&text.chars().count()) {
            let (least, most) = (characters.start(), characters.end());
            return Err(Error::new(
                Kind::Invalid,
                format!(
                    "{name}: {least} to {most} characters are needed, and no control characters but line ends and tabs"
                ),
            ));
        }
        Ok(Some(text))
    }

    /// An id; absent or null: `None`.
    pub fn id(&self, name: &str) -> Result<Option<Uuid>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let id = super::route::uuid(text)
            .ok_or_else(|| Error::new(Kind::Invalid, format!("{name}: must be a uuid")))?;
        Ok(Some(id))
    }
}

fn missing(name: &str) -> Error {
    Error::new(Kind::Invalid, format!("{name}: is missing"))
}

/// The name of the session's cookie. With https it is bound to this very host.
pub fn cookie_name(context: &Context, head: &Parts) -> &'static str {
    if is_https(context, head) {
        "__Host-quire_session"
    } else {
        "quire_session"
    }
}

/// What the request shows as an API token (RFC 6750, 2.1).
pub fn bearer(head: &Parts) -> Option<&str> {
    let value = head.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// The token of the request's cookie.
pub fn cookie_token(context: &Context, head: &Parts) -> Option<Token> {
    cookie_of(head, cookie_name(context, head))
}

/// The token in the cookie of that name.
pub fn cookie_of(head: &Parts, name: &str) -> Option<Token> {
    head.headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| Token::parse(value))
}

/// A parameter of the address, undecoded: Quire's parameters need no escapes.
pub fn parameter<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    head.uri
        .query()?
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}
