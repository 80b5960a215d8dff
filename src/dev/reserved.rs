//! Addresses for what is about to be started: found free, and still free when it listens.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

use crate::error::{Error, Kind, Result};

/// An address that was free when it was taken. While this lives the system gives its port to nobody, as it does to
/// each outgoing connection; whoever names it can listen there, with `SO_REUSEADDR` (servers set it).
#[derive(Debug)]
pub struct Reserved {
    address: SocketAddr,
    _socket: Option<TcpSocket>,
}

impl Reserved {
    /// Takes `at`; the system chooses a port where that is 0.
    ///
    /// # Errors
    /// Somebody listens there, or it is no address of this machine.
    pub fn take(at: SocketAddr) -> std::io::Result<Self> {
        let socket = match at {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        socket.bind(at)?;
        let address = socket.local_addr()?;
        // Elsewhere nobody could listen beside it: there the port is free now, and no more than that.
        let socket = cfg!(target_os = "linux").then_some(socket);
        Ok(Self {
            address,
            _socket: socket,
        })
    }

    /// `count` addresses on the loopback interface, with ports that the system chooses.
    ///
    /// # Errors
    /// `Unavailable` when there are not so many.
    pub fn several(count: usize) -> Result<Vec<Self>> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let taken: std::io::Result<_> = (0..count).map(|_| Self::take(any)).collect();
        taken.map_err(|e| Error::caused(Kind::Unavailable, "find free ports", e))
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn what_is_reserved_is_listened_on_by_who_names_it() {
        let reserved = Reserved::several(2).expect("two are free");
        assert_ne!(reserved[0].address(), reserved[1].address());
        for one in reserved {
            let listener = TcpListener::bind(one.address()).expect("it is free");
            let taken = Reserved::take(one.address());
            assert!(taken.is_err(), "somebody listens there");
            assert!(TcpStream::connect(one.address()).is_ok());
            drop(listener);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_reserved_is_given_to_nobody_else() {
        let one = Reserved::several(1).expect("one is free").remove(0);
        let other = TcpSocket::new_v4().expect("a socket");
        // As an outgoing connection's socket, which does not share its port.
        assert!(other.bind(one.address()).is_err());
        drop(one);
    }
}
