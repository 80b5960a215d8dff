//! The door: which connections are let in before anything is known of them, and TLS for them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ipnet::IpNet;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::network_of;
use crate::config::Serve;
use crate::http::{self, Context};
use crate::metrics::{self, Counters, Metric};

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
    inside: Arc<Inside>,
}

/// Who is connected.
struct Inside {
    most: usize,
    trusted: Vec<IpNet>,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    all: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// A place inside, given back when it is dropped.
struct Place {
    inside: Arc<Inside>,
    network: IpAddr,
}

impl Door {
    pub fn new(listener: TcpListener, tls: Option<TlsAcceptor>, settings: &Serve) -> Self {
        metrics::register(METRICS);
        Self {
            listener,
            tls,
            inside: Arc::new(Inside {
                most: settings.connections as usize + SPARE,
                trusted: settings.trusted_proxy.clone(),
                counts: Mutex::default(),
            }),
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
                    match self.inside.enter(address) {
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
            match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let stopped = stop.cancelled_owned();
                    http::serve_connection(stream, address, context, stopped).await;
                }
                Ok(Err(error)) => {
                    REFUSED.increment("handshake");
                    tracing::debug!(%error, "TLS handshake");
                }
                Err(_) => REFUSED.increment("handshake"),
            }
        }
    }
}

impl Inside {
    /// A place, or which limit is reached.
    fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Place, &'static str> {
        let network = network_of(address);
        let has_many_people =
            address.is_loopback() || self.trusted.iter().any(|n| n.contains(&address));
        let mut counts = self.counts();
        if counts.all >= self.most {
            return Err("full");
        }
        let from_there = counts.by_network.entry(network).or_default();
        if *from_there >= FROM_ONE_ADDRESS && !has_many_people {
            return Err("address");
        }
        *from_there += 1;
        counts.all += 1;
        Ok(Place {
            inside: self.clone(),
            network,
        })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().expect("nothing panics while it is held")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.inside.counts();
        counts.all -= 1;
        if let Some(from_there) = counts.by_network.get_mut(&self.network) {
            *from_there -= 1;
            if *from_there == 0 {
                counts.by_network.remove(&self.network);
            }
        }
    }
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

    fn inside(most: usize, trusted: &[&str]) -> Arc<Inside> {
        let trusted = trusted.iter().map(|n| n.parse().expect("a network"));
        Arc::new(Inside {
            most,
            trusted: trusted.collect(),
            counts: Mutex::default(),
        })
    }

    #[test]
    fn one_address_cannot_take_every_place() {
        let inside = inside(FROM_ONE_ADDRESS + 2, &["192.0.2.1/32"]);
        let from = |address: &str| inside.enter(address.parse().expect("an address"));
        let places: Vec<Place> = (0..FROM_ONE_ADDRESS)
            .map(|n| from(&format!("2001:db8::{n:x}")).expect("one of many"))
            .collect();
        assert_eq!(from("2001:db8::ffff:1").err(), Some("address"));
        let other = from("2001:db8:0:1::1").expect("another network has room");
        let last = from("192.0.2.1").expect("the last place");
        assert_eq!(from("192.0.2.2").err(), Some("full"));
        drop((places, other, last));
        let counts = inside.counts();
        let left = (counts.all, counts.by_network.len());
        assert_eq!(left, (0, 0), "nothing is left behind");
    }

    #[test]
    fn a_trusted_proxy_brings_many_people() {
        let inside = inside(10 * FROM_ONE_ADDRESS, &["192.0.2.0/24"]);
        let from = |address: &str| inside.enter(address.parse().expect("an address"));
        let places: Vec<_> = (0..2 * FROM_ONE_ADDRESS)
            .map(|_| from("192.0.2.7"))
            .collect();
        assert!(places.iter().all(Result::is_ok));
    }

    #[test]
    fn a_refusal_is_whole() {
        let text = std::str::from_utf8(FULL).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains(&format!("content-length: {}", body.len())));
        serde_json::from_str::<serde_json::Value>(body).expect("JSON");
    }
}
