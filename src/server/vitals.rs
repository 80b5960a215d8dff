//! How this server is, for its heartbeats.

use super::tend::Tender;
use crate::feed::{self, State};
use crate::http::Readiness;
use crate::presence::Vitals;

/// Looks at everything. What others fell silent is added where they are known.
pub(super) fn vitals(tender: &Tender, feed: &feed::Status, is_draining: bool) -> Vitals {
    let (documents, document_bytes) = tender.fanout.open_documents();
    let rates = tender.activity.rates();
    let not_ready = match &*tender.readiness.borrow() {
        Readiness::Ready => None,
        Readiness::NotReady(reason) => Some(reason.clone()),
    };
    Vitals {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: tender.started_at,
        connections: tender.websockets.count() as u64,
        documents: documents as u64,
        document_bytes: document_bytes as u64,
        committed_10s: rates.committed_10s,
        delivered_10s: rates.delivered_10s,
        applied: feed.applied.to_string(),
        lag_ms: tender.presence.lag().as_millis() as u64,
        behind_bytes: feed.behind_bytes,
        source: match feed.state {
            State::Streaming => feed.source.clone(),
            _ => String::new(),
        },
        not_ready,
        is_draining,
        silent: Vec::new(),
    }
}
