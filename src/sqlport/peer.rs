//! One end of a session, message by message, as long as nobody has signed in. Afterwards bytes are
//! passed on as they come; see `requests` and `answers`.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::refusal::Refusal;
use crate::feed::Socket;

/// Why a session is over.
#[derive(Debug)]
pub(super) enum End {
    /// The connection failed or was closed.
    Closed(io::Error),
    /// The client is told why.
    Refused(Refusal),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Closed(error)
    }
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// One whole message.
#[derive(Debug)]
pub(super) struct Message {
    pub tag: u8,
    /// Tag and length included.
    pub whole: Bytes,
}

impl Message {
    pub fn body(&self) -> &[u8] {
        &self.whole[5..]
    }
}

pub(super) struct Peer {
    pub socket: Socket,
    /// What was read and not used.
    pub buffer: BytesMut,
}

impl Peer {
    pub fn new(socket: Socket) -> Self {
        let buffer = BytesMut::new();
        Self { socket, buffer }
    }

    /// The next message, of `most` bytes. Cancel-safe.
    pub async fn message(&mut self, most: usize) -> Result<Message, End> {
        loop {
            if let Some(total) = total(&self.buffer)? {
                if total > most {
                    return Err(Refusal::protocol("invalid message length").into());
                }
                if self.buffer.len() >= total {
                    let whole = self.buffer.split_to(total).freeze();
                    return Ok(Message {
                        tag: whole[0],
                        whole,
                    });
                }
            }
            if self.socket.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }

    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes).await?;
        self.socket.flush().await
    }
}

/// How long the first message in `buffer` is, tag and length included, once that can be told.
pub(super) fn total(buffer: &[u8]) -> Result<Option<usize>, Refusal> {
    let Some(mut length) = buffer.get(1..5) else {
        return Ok(None);
    };
    match length.get_u32() as usize {
        // As in Postgres, which allocates one byte less than a gigabyte.
        length @ 4..=0x3fff_ffff => Ok(Some(1 + length)),
        _ => Err(Refusal::protocol("invalid message length")),
    }
}
