//! A request as a span, by OpenTelemetry's conventions: its method, the pattern of its address and its
//! status; of the address itself nothing, for it may hold a secret.

use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use super::route::{Route, pattern};
use crate::traces::{Span, called};

const TRACEPARENT: &str = "traceparent";

/// The span of a request, if it is traced. Probes are not.
pub(super) fn begin(head: &Parts, route: Option<&Route>) -> Option<Span> {
    if route.is_some_and(|route| route.is_probe() || *route == Route::Metrics) {
        return None;
    }
    let traceparent = head.headers.get(TRACEPARENT);
    let mut span = called("request", traceparent.map(|value| value.as_bytes()))?;
    span.serve();
    let method = method(&head.method);
    span.set("http.request.method", method);
    match route.and(pattern(head.uri.path())) {
        Some(pattern) => {
            span.rename(format!("{method} {pattern}"));
            span.set("http.route", pattern);
        }
        // The page and its files.
        None => span.rename(method.to_owned()),
    }
    Some(span)
}

/// It is answered.
pub(super) fn end(span: &mut Span, status: StatusCode) {
    span.set("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.fail();
    }
}

/// Whoever asks may call a method as it likes.
fn method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}
