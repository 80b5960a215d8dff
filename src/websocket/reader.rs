//! Reads a connection's messages. Bytes come into a buffer of the thread first, so that a connection
//! that waits holds none.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::framing::{Assembly, Message, Unreadable};

/// What is read at once, in bytes.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The reading half.
pub(super) struct Reader<S> {
    io: S,
    assembly: Assembly,
}

impl<S: AsyncRead + Unpin> Reader<S> {
    /// Of messages of up to `limit` bytes.
    pub fn new(io: S, limit: usize) -> Self {
        Self {
            io,
            assembly: Assembly::new(limit),
        }
    }

    /// The next message; `None` when the client has hung up. Cancel-safe.
    ///
    /// # Errors
    /// What ends the connection; nothing is read after that.
    pub async fn next(&mut self) -> Result<Option<Message>, Unreadable> {
        loop {
            if let Some(message) = self.assembly.next()? {
                return Ok(Some(message));
            }
            let read = poll_fn(|cx| self.poll_read(cx)).await;
            if read.map_err(|_| Unreadable::Broken)? == 0 {
                return Ok(None);
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        BUFFER.with_borrow_mut(|buffer| {
            buffer.resize(READ_BYTES, 0);
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
            self.assembly.add(buffer.filled());
            Poll::Ready(Ok(buffer.filled().len()))
        })
    }
}
