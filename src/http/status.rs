//! What operators and balancers ask: is it alive, is it ready, which servers are there, figures.

use super::answer::{Answer, json, json_text, text};
use super::context::{Context, Readiness};
use crate::metrics;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;

/// `GET /healthz`: the process runs.
pub fn health() -> Answer {
    text(StatusCode::OK, "ok\n")
}

/// `GET /readyz`: whether this server should be sent new readers.
pub fn ready(context: &Context) -> Answer {
    match &*context.readiness.borrow() {
        Readiness::Ready => text(StatusCode::OK, "ready\n"),
        Readiness::NotReady(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

/// `GET /metrics`: the text format of Prometheus.
pub async fn metrics(context: &Context) -> Answer {
    context.overview.note_figures().await;
    let mut answer = text(StatusCode::OK, metrics::text());
    answer.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
    );
    answer
}

/// `GET /api/v1/openapi.json`: the API in the form of OpenAPI 3.1.
pub fn openapi() -> Answer {
    let text = include_str!("../../docs/openapi.json");
    json_text(StatusCode::OK, text.to_owned())
}

/// `GET /api/v1/servers`: the public addresses of the live servers, this one first.
pub fn servers(context: &Context) -> Answer {
    #[derive(Serialize)]
    struct Servers {
        servers: Vec<String>,
    }
    let servers = context.live_origins();
    json(StatusCode::OK, &Servers { servers })
}
