//! A collector of traces over real sockets, which reads what it is sent with OpenTelemetry's own types.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span as Sent;
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long something may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// One span, and who sent it.
#[derive(Debug, Clone)]
pub struct Span {
    pub instance: String,
    pub service: String,
    pub sent: Sent,
}

/// What came so far.
#[derive(Debug, Default, Clone)]
pub struct Received {
    pub spans: Vec<Span>,
    pub bodies: Vec<Bytes>,
    pub headers: Vec<HeaderMap>,
}

/// A running collector. It ends when dropped.
pub struct Collector {
    pub address: String,
    received: watch::Receiver<Received>,
    hangs: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Collector {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let (sender, received) = watch::channel(Received::default());
        let (sender, hangs) = (Arc::new(sender), Arc::new(AtomicBool::new(false)));
        let hanging = hangs.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, hangs) = (sender.clone(), hanging.clone());
                tokio::spawn(async move {
                    let answer = service_fn(|request| take(&sender, &hangs, request));
                    // Whoever waited too long hangs up.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer)
                        .await;
                });
            }
        });
        Self {
            address,
            received,
            hangs,
            task,
        }
    }

    /// From now on it answers nobody, or again.
    pub fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::SeqCst);
    }

    /// What came so far.
    pub fn received(&self) -> Received {
        self.received.borrow().clone()
    }

    /// Waits until what came is as wanted, and answers with it.
    pub async fn until<T>(&self, what: &str, wanted: impl Fn(&Received) -> Option<T>) -> T {
        let mut received = self.received.clone();
        let found = async {
            let came = received.wait_for(|received| wanted(received).is_some());
            let came = came.await.expect("the collector runs");
            wanted(&came).expect("just seen")
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        found.unwrap_or_else(|_| {
            let spans = self.received().spans;
            let names: Vec<_> = spans.iter().map(|span| &span.sent.name).collect();
            panic!("waiting for {what}; there came {names:?}")
        })
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Span {
    /// An attribute as text.
    pub fn attribute(&self, name: &str) -> Option<String> {
        attribute(&self.sent.attributes, name)
    }
}

fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let pair = attributes.iter().find(|pair| pair.key == name)?;
    match &pair.value {
        Some(AnyValue {
            value: Some(Value::StringValue(text)),
        }) => Some(text.clone()),
        Some(AnyValue {
            value: Some(Value::IntValue(number)),
        }) => Some(number.to_string()),
        other => panic!("{name}: {other:?}"),
    }
}

async fn take(
    sender: &watch::Sender<Received>,
    hangs: &AtomicBool,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if hangs.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    let (head, body) = request.into_parts();
    assert_eq!(
        (head.method.as_str(), head.uri.path()),
        ("POST", "/v1/traces")
    );
    assert_eq!(head.headers["content-type"], "application/x-protobuf");
    let body = body.collect().await.expect("a body").to_bytes();
    let export = ExportTraceServiceRequest::decode(body.clone()).expect("OTLP");
    sender.send_modify(|received| {
        for of_resource in export.resource_spans {
            let resource = of_resource.resource.expect("a resource").attributes;
            let of = |name| attribute(&resource, name).expect(name);
            let spans = of_resource.scope_spans.into_iter().flat_map(|of| of.spans);
            received.spans.extend(spans.map(|sent| Span {
                instance: of("service.instance.id"),
                service: of("service.name"),
                sent,
            }));
        }
        received.bodies.push(body);
        received.headers.push(head.headers);
    });
    Ok(Response::new(Full::new(Bytes::new())))
}
