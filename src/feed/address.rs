//! Where the database may be: every host of the address in order, and sockets to one of them.

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::error::{Error, Kind, Result};

/// A socket or a TLS session over one.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection's bytes, whatever carries them.
pub(super) type Socket = Box<dyn Stream>;

/// One place to connect to.
#[derive(Debug, Clone)]
pub(super) struct Address {
    endpoint: Endpoint,
    /// The name that its certificate must have; none for a Unix socket.
    pub hostname: Option<String>,
}

#[derive(Debug, Clone)]
enum Endpoint {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    /// All places that `config` names, in its order, names resolved. A name that cannot be
    /// resolved is left out if others can. Errors: kind `Unavailable` when none is left.
    pub async fn resolve(config: &Config) -> Result<Vec<Self>> {
        let mut found = Vec::new();
        let mut failure = None;
        let hosts = config.get_hosts();
        let literal = config.get_hostaddrs();
        for index in 0..hosts.len().max(literal.len()) {
            let ports = config.get_ports();
            let port = *ports.get(index).or(ports.first()).unwrap_or(&5432);
            let (host, literal) = (hosts.get(index), literal.get(index));
            let hostname = match host {
                Some(Host::Tcp(name)) => Some(name.clone()),
                Some(Host::Unix(_)) | None => None,
            };
            let endpoints = match (host, literal) {
                (_, Some(ip)) => Ok(vec![Endpoint::Tcp((*ip, port).into())]),
                (Some(Host::Tcp(name)), None) => lookup(name, port).await,
                (Some(Host::Unix(folder)), None) => {
                    let path = folder.join(format!(".s.PGSQL.{port}"));
                    Ok(vec![Endpoint::Unix(path)])
                }
                (None, None) => Ok(Vec::new()),
            };
            match endpoints {
                Ok(endpoints) => found.extend(endpoints.into_iter().map(|endpoint| Self {
                    endpoint,
                    hostname: hostname.clone(),
                })),
                Err(e) => failure = Some(e),
            }
        }
        match (found.is_empty(), failure) {
            (true, Some(e)) => Err(e),
            (true, None) => Err(Error::new(
                Kind::Setting,
                "DATABASE_URL (--database-url) names no host",
            )),
            (false, _) => Ok(found),
        }
    }

    /// Opens a socket. Errors: kind `Unavailable`.
    pub async fn open(&self) -> Result<Socket> {
        let opened: std::io::Result<Socket> = async {
            Ok(match &self.endpoint {
                Endpoint::Tcp(address) => {
                    let stream = TcpStream::connect(address).await?;
                    stream.set_nodelay(true)?;
                    Box::new(stream) as Socket
                }
                Endpoint::Unix(path) => Box::new(UnixStream::connect(path).await?),
            })
        }
        .await;
        opened.map_err(|e| {
            Error::caused(
                Kind::Unavailable,
                format!("connect to Postgres at {self}"),
                e,
            )
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.endpoint {
            Endpoint::Tcp(address) => write!(f, "{address}"),
            Endpoint::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

async fn lookup(name: &str, port: u16) -> Result<Vec<Endpoint>> {
    let found = tokio::net::lookup_host((name, port)).await;
    let found = found.map_err(|e| {
        Error::caused(
            Kind::Unavailable,
            format!("resolve the host name {name}"),
            e,
        )
    })?;
    Ok(found.map(Endpoint::Tcp).collect())
}
