//! The door: which connections are let in before anything is known of them, and TLS for them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Serve;
use crate::http::{self, Context};
use crate::metrics::{self, Counters, Metric};
use crate::places::Places;

/// Connections from one network address at most: an office, not an attack. Trusted proxies and this
/// machine may have more, because many people come through them.
const FROM_ONE_ADDRESS: usize = 1_000;
/// Connections besides the WebSockets that are let in: requests and idle browsers.
const SPARE: usize = 1_000;
/// How long a client may take for the handshake of TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a refusal may take.
const REFUSAL: Duration = Duration::from_secs(1);
/// Pause after a connection could not be accepted: the process is out of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/problem+json\r\ncache-control: no-store\r\nretry-after: 10\r\n\
    connection: close\r\ncontent-length: 120\r\n\r\n\
    {\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\
    \"detail\":\"too many connections; try again in a moment\"}";

static REFUSED: Counters<3> = Counters::new(
    "quire_tcp_refused_total",
    "Connections that were refused before their first request: the server was full, too many came \
     from one network address, or the handshake of TLS failed.",
    "reason",
    ["full", "address", "handshake"],
);
static METRICS: &[&dyn Metric] = &[&REFUSED];

/// What listens for browsers.
pub(super) struct Door {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    places: Places,
}

impl Door {
    pub fn new(listener: TcpListener, tls: Option<TlsAcceptor>, settings: &Serve) -> Self {
        metrics::register(METRICS);
        Self {
            listener,
            tls,
            places: Places::new(
                settings.connections as usize + SPARE,
                FROM_ONE_ADDRESS,
                settings.trusted_proxy.clone(),
            ),
        }
    }

    /// Lets connections in until `stop`.
    pub async fn run(
        self,
        context: Arc<Context>,
        connections: TaskTracker,
        stop: CancellationToken,
    ) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, from)) => {
                    let address = from.ip().to_canonical();
                    match self.places.enter(address) {
                        Ok(place) => {
                            let served = self.serve(stream, address, &context, &stop);
                            connections.spawn(async move {
                                served.await;
                                drop(place);
                            });
                        }
                        Err(reason) => {
                            REFUSED.increment(reason);
                            // In TLS a refusal would cost the handshake that it is to spare.
                            if self.tls.is_none() {
                                connections.spawn(refuse(stream));
                            }
                        }
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "accept connection");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }

    fn serve(
        &self,
        stream: TcpStream,
        address: IpAddr,
        context: &Arc<Context>,
        stop: &CancellationToken,
    ) -> impl Future<Output = ()> + use<> {
        // An edit is small and must not wait for another to fill a packet.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "set TCP_NODELAY");
        }
        let (tls, context, stop) = (self.tls.clone(), context.clone(), stop.clone());
        async move {
            let Some(tls) = tls else {
                let stopped = stop.cancelled_owned();
                return http::serve_connection(stream, address, context, stopped).await;
            };
            // Apart, so that no connection keeps the room that its handshake took.
            if let Some(stream) = Box::pin(encrypt(tls, stream)).await {
                let stopped = stop.cancelled_owned();
                http::serve_connection(stream, address, context, stopped).await;
            }
        }
    }
}

/// The handshake of TLS; none when it fails.
async fn encrypt(tls: TlsAcceptor, stream: TcpStream) -> Option<Box<TlsStream<TcpStream>>> {
    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => return Some(Box::new(stream)),
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake"),
        Err(_) => {}
    }
    REFUSED.increment("handshake");
    None
}

async fn refuse(mut stream: TcpStream) {
    let said = async {
        stream.write_all(FULL).await?;
        stream.shutdown().await
    };
    // Whoever does not listen is not waited for.
    let _ = tokio::time::timeout(REFUSAL, said).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_whole() {
        let text = std::str::from_utf8(FULL).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains(&format!("content-length: {}", body.len())));
        serde_json::from_str::<serde_json::Value>(body).expect("JSON");
    }
}
