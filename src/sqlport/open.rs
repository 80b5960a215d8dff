//! The first bytes of a connection, until it is known what the client wants: TLS is begun here, and not a
//! byte that came before it is used after it (CVE-2021-23214).

use std::io;

use bytes::{BufMut, BytesMut};
use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::peer::End;
use super::refusal::Refusal;
use super::startup::{self, Opening};
use crate::feed::Socket;

/// The first byte of a handshake.
const HANDSHAKE: u8 = 0x16;
/// What a client names that begins with TLS at once.
const ALPN: &[u8] = b"postgresql";

/// A connection, and what the client wants of it.
pub(super) struct Opened {
    /// None when the handshake failed: nothing can be told then.
    pub socket: Option<Socket>,
    pub is_tls: bool,
    pub opening: Result<Opening, End>,
}

/// Reads what a client begins with.
pub(super) async fn open(
    mut stream: TcpStream,
    tls: Option<&TlsAcceptor>,
    database: &str,
) -> Opened {
    match plain(&mut stream, tls.is_some(), database).await {
        Ok(Plain::Encrypt(is_direct)) => match tls {
            Some(tls) => encrypted(stream, tls, is_direct, database).await,
            None => Opened::failed(),
        },
        Ok(Plain::Wants(opening)) => Opened {
            socket: Some(Box::new(stream)),
            is_tls: false,
            opening: Ok(opening),
        },
        Err(end) => Opened {
            socket: Some(Box::new(stream)),
            is_tls: false,
            opening: Err(end),
        },
    }
}

impl Opened {
    fn failed() -> Self {
        Self {
            socket: None,
            is_tls: true,
            opening: Err(io::Error::from(io::ErrorKind::InvalidData).into()),
        }
    }
}

enum Plain {
    /// TLS begins; true: without having been asked for.
    Encrypt(bool),
    Wants(Opening),
}

async fn plain(stream: &mut TcpStream, has_tls: bool, database: &str) -> Result<Plain, End> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    if first[0] == HANDSHAKE && has_tls {
        return Ok(Plain::Encrypt(true));
    }
    // Each may be asked for once.
    let (mut may_ask_tls, mut may_ask_gss) = (true, true);
    loop {
        let opening = packet(stream, database).await?;
        let may_ask = match opening {
            Opening::Tls => &mut may_ask_tls,
            Opening::Gss => &mut may_ask_gss,
            opening => return Ok(Plain::Wants(opening)),
        };
        if !std::mem::replace(may_ask, false) {
            return Err(Refusal::protocol("encryption was asked for twice").into());
        }
        // Nobody sends more before the answer but whoever wants it taken for what comes after it.
        if let Some(Ok(1..)) = stream.peek(&mut [0]).now_or_never() {
            let message = "received unencrypted data after SSL request";
            return Err(Refusal::protocol(message).into());
        }
        let begins = has_tls && opening == Opening::Tls;
        stream.write_all(if begins { b"S" } else { b"N" }).await?;
        if begins {
            return Ok(Plain::Encrypt(false));
        }
    }
}

async fn encrypted(
    stream: TcpStream,
    tls: &TlsAcceptor,
    is_direct: bool,
    database: &str,
) -> Opened {
    let mut stream = match tls.accept(stream).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, "TLS handshake at the SQL port");
            return Opened::failed();
        }
    };
    // So that a page cannot be made to speak to this port.
    if is_direct && stream.get_ref().1.alpn_protocol() != Some(ALPN) {
        return Opened::failed();
    }
    let opening = match packet(&mut stream, database).await {
        Ok(Opening::Tls | Opening::Gss) => {
            Err(Refusal::protocol("encryption was asked for within TLS").into())
        }
        other => other,
    };
    Opened {
        socket: Some(Box::new(stream)),
        is_tls: true,
        opening,
    }
}

/// Reads one packet, and not a byte beyond it.
async fn packet(stream: &mut (impl AsyncRead + Unpin), database: &str) -> Result<Opening, End> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let total = startup::length(length)?;
    let mut packet = BytesMut::with_capacity(total);
    packet.put_slice(&length);
    packet.resize(total, 0);
    stream.read_exact(&mut packet[4..]).await?;
    Ok(startup::read(packet.freeze(), database)?)
}
