//! What goes back: JSON, text, nothing, or a problem (RFC 9457).

use crate::error::{Error, Kind};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// An answer, ready to be sent.
pub type Answer = Response<Full<Bytes>>;

/// A JSON answer that nobody may keep.
pub fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(value).expect("answers are plain data");
    private(status, "application/json", body)
}

/// A JSON answer that the database wrote.
pub fn json_text(status: StatusCode, body: String) -> Answer {
    private(status, "application/json", body)
}

/// JSON objects, one a line, to be kept as a file.
pub fn json_lines(lines: &[String]) -> Answer {
    let body: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    private(StatusCode::OK, "application/jsonl", body)
}

/// A text answer that nobody may keep.
pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    private(status, "text/plain; charset=utf-8", body)
}

/// An answer without content.
pub fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// A refusal: problem details of RFC 9457. `detail` is a sentence for people.
pub fn problem(status: StatusCode, detail: &str) -> Answer {
    #[derive(Serialize)]
    struct Problem<'a> {
        r#type: &'static str,
        title: &'a str,
        status: u16,
        detail: &'a str,
    }
    // The type about:blank says that the title is the status' own phrase (RFC 9457, 4.2.1).
    let problem = Problem {
        r#type: "about:blank",
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail,
    };
    let body = serde_json::to_vec(&problem).expect("a problem is plain data");
    private(status, "application/problem+json", body)
}

/// The refusal that an error means. What is ours to mend is logged here and not told.
pub fn refusal(error: &Error) -> Answer {
    match error.kind() {
        Kind::Internal | Kind::Setting => tracing::error!(%error, "request failed"),
        Kind::Unavailable => tracing::warn!(%error, "request failed; it may be tried again"),
        _ => tracing::debug!(%error, "request refused"),
    }
    let status =
        StatusCode::from_u16(error.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let answer = problem(status, error.public_message());
    match error.wait() {
        Some(wait) => with(answer, RETRY_AFTER, &wait.as_secs().to_string()),
        None => answer,
    }
}

/// Adds a header whose value Quire made itself.
pub fn with(mut answer: Answer, name: HeaderName, value: &str) -> Answer {
    let value = HeaderValue::from_str(value).expect("a header of visible ASCII characters");
    answer.headers_mut().append(name, value);
    answer
}

fn private(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = empty(status);
    *answer.body_mut() = Full::new(body.into());
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
