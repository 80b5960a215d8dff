//! Where the database may be: every host of the address in order, and sockets to one of them.

use std::path::PathBuf;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::error::{Error, Kind, Result};
use crate::postgres;

/// A socket or a TLS session over one.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection's bytes, whatever carries them.
pub(crate) type Socket = Box<dyn Stream>;

/// One place to connect to.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    endpoint: Endpoint,
    /// The name that its certificate must have; none for a Unix socket.
    pub hostname: Option<String>,
}

#[derive(Debug, Clone)]
enum Endpoint {
    /// An address in figures, or a name that could not be resolved just now.
    Tcp(String, u16),
    Unix(PathBuf),
}

impl Address {
    /// All places that `config` names, in its order, names resolved. Errors: kind `Setting` when it
    /// names none.
    pub async fn resolve(config: &Config) -> Result<Vec<Self>> {
        let places = postgres::places(config).await;
        let found: Vec<_> = places.iter().filter_map(Self::of).collect();
        if found.is_empty() {
            let context = "DATABASE_URL (--database-url) names no host";
            return Err(Error::new(Kind::Setting, context));
        }
        Ok(found)
    }

    /// Where the settings of one place lead; none: they name none.
    pub fn of(place: &Config) -> Option<Self> {
        let port = *place.get_ports().first()?;
        let (hostname, name) = match place.get_hosts().first() {
            Some(Host::Unix(folder)) => {
                let path = folder.join(format!(".s.PGSQL.{port}"));
                let endpoint = Endpoint::Unix(path);
                let hostname = None;
                return Some(Self { endpoint, hostname });
            }
            Some(Host::Tcp(name)) => (Some(name.clone()), Some(name.clone())),
            None => (None, None),
        };
        let literal = place.get_hostaddrs().first().map(ToString::to_string);
        let endpoint = Endpoint::Tcp(literal.or(name)?, port);
        Some(Self { endpoint, hostname })
    }

    /// Opens a socket. Errors: kind `Unavailable`.
    pub async fn open(&self) -> Result<Socket> {
        let opened: std::io::Result<Socket> = async {
            Ok(match &self.endpoint {
                Endpoint::Tcp(host, port) => {
                    let stream = TcpStream::connect((&**host, *port)).await?;
                    stream.set_nodelay(true)?;
                    keep_alive(&stream)?;
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

/// Has a connection given up when its other end has not been there for half a minute.
pub(crate) fn keep_alive(stream: &TcpStream) -> std::io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, Duration::from_secs(10))?;
    sockopt::set_tcp_keepintvl(stream, Duration::from_secs(5))?;
    Ok(sockopt::set_tcp_keepcnt(stream, 3)?)
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.endpoint {
            Endpoint::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Endpoint::Tcp(host, port) => write!(f, "{host}:{port}"),
            Endpoint::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}
