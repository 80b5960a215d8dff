//! Spans on their way to the collector: a bounded queue that nobody waits for, and one task that sends what
//! is in it.

use std::time::Duration;

use bytes::Bytes;
use hyper::Request;
use hyper::header::CONTENT_TYPE;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::otlp::{self, Clock};
use super::{Facts, TRACER, Tracer};
use crate::config::Collector;
use crate::error::{Error, Kind, Result};
use crate::fetch::Fetch;
use crate::metrics::{Counter, Metric};

/// Spans that wait; what comes then is dropped.
const QUEUE: usize = 4_096;
/// Spans in one request at most.
const BATCH: usize = 512;
/// How long the first span of a request waits for others.
const GATHER: Duration = Duration::from_secs(1);
/// How long nothing is sent after the collector could not be told.
const PAUSE: Duration = Duration::from_secs(5);
/// How long what is left may take at the end.
const FAREWELL: Duration = Duration::from_secs(2);

static SENT: Counter = Counter::new(
    "quire_trace_spans_sent_total",
    "Spans that the collector of traces took.",
);
static DROPPED: Counter = Counter::new(
    "quire_trace_spans_dropped_total",
    "Spans that nobody will see: the queue was full, or the collector did not take them.",
);

/// What this module counts.
pub static METRICS: &[&dyn Metric] = &[&SENT, &DROPPED];

/// Where spans are put.
pub(super) struct Queue(mpsc::Sender<Facts>);

impl Queue {
    #[cfg(test)]
    pub fn closed() -> Self {
        Self(mpsc::channel(1).0)
    }

    /// Never waits.
    pub fn push(&self, span: Facts) {
        if self.0.try_send(span).is_err() {
            DROPPED.increment();
        }
    }
}

/// The task that sends.
pub struct Running {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

/// From here on this process makes traces; it calls itself `instance`. Once a process.
///
/// # Errors
/// `Setting` when the collector is at an https address and the machine has no certificate authorities;
/// `Internal` the second time.
pub fn start(collector: Collector, instance: String) -> Result<Running> {
    let needs_tls = collector.url.scheme_str() == Some("https");
    let fetch = Fetch::new(needs_tls.then_some("--traces-to is an https address"))?;
    let (queue, spans) = mpsc::channel(QUEUE);
    let tracer = Tracer::new(Queue(queue), collector.share, collector.follows_callers);
    if TRACER.set(tracer).is_err() {
        return Err(Error::new(Kind::Internal, "traces were started twice"));
    }
    let mut resource = collector.resource.clone();
    let own = [
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", instance),
    ];
    for (name, value) in own {
        if !resource.iter().any(|(known, _)| known == name) {
            resource.push((name.to_owned(), value));
        }
    }
    let stop = CancellationToken::new();
    let exporter = Exporter {
        collector,
        resource,
        fetch,
        spans,
        clock: Clock::now(),
        is_away: false,
    };
    let task = tokio::spawn(exporter.run(stop.clone()));
    Ok(Running { task, stop })
}

impl Running {
    /// Sends what is left, for 2 s at most.
    pub async fn finish(mut self) {
        self.stop.cancel();
        if tokio::time::timeout(FAREWELL, &mut self.task)
            .await
            .is_err()
        {
            self.task.abort();
        }
    }
}

struct Exporter {
    collector: Collector,
    resource: Vec<(String, String)>,
    fetch: Fetch,
    spans: mpsc::Receiver<Facts>,
    clock: Clock,
    /// Whether the last request came to nothing, which was logged.
    is_away: bool,
}

impl Exporter {
    async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::new();
        loop {
            // Whatever ends it, what was gathered stays in the batch.
            let gathered = tokio::select! {
                biased;
                () = stop.cancelled() => false,
                () = self.gather(&mut batch) => true,
            };
            while batch.len() < BATCH
                && let Ok(span) = self.spans.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() && !gathered {
                return;
            }
            self.send(&batch).await;
            batch.clear();
            if self.is_away {
                tokio::select! {
                    biased;
                    // One that is away is not waited for at the end.
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        }
    }

    /// Waits for a span, and a while for those that follow. Cancel-safe.
    async fn gather(&mut self, batch: &mut Vec<Facts>) {
        // The sender stands in a static and is never dropped.
        self.spans.recv_many(batch, BATCH).await;
        let until = tokio::time::Instant::now() + GATHER;
        while batch.len() < BATCH {
            let more = self.spans.recv_many(batch, BATCH - batch.len());
            if tokio::time::timeout_at(until, more).await.is_err() {
                return;
            }
        }
    }

    async fn send(&mut self, batch: &[Facts]) {
        match self.tell(batch).await {
            Ok(()) => {
                SENT.add(batch.len() as u64);
                if self.is_away {
                    tracing::info!("the collector takes traces again");
                }
                self.is_away = false;
            }
            Err(error) => {
                DROPPED.add(batch.len() as u64);
                // Once until it is back.
                if !self.is_away {
                    tracing::warn!(%error, "the collector does not take traces; they are dropped until it does");
                }
                self.is_away = true;
            }
        }
    }

    async fn tell(&mut self, batch: &[Facts]) -> Result<()> {
        let failed = |e| Error::caused(Kind::Internal, "make a request", e);
        self.clock.follow();
        let body = Bytes::from(otlp::request(&self.resource, batch, &self.clock));
        let mut request = Request::post(self.collector.url.clone())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(body)
            .map_err(failed)?;
        for (name, value) in &self.collector.headers {
            request.headers_mut().insert(name, value.clone());
        }
        let status = self.fetch.send(request).await?.status();
        match status.is_success() {
            true => Ok(()),
            false => Err(Error::new(
                Kind::Unavailable,
                format!("it answers {status}"),
            )),
        }
    }
}
