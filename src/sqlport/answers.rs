//! From Postgres to the client: what one read brings goes on with one write, and only what somebody
//! waits for is looked at.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::edit::{edit_description, edit_error};
use super::ledger::Route;
use super::peer::{End, total};
use super::session::State;
use crate::feed::Socket;

/// Read at once where there is more.
const READ_BYTES: usize = 32 << 10;
/// Longest message that is held whole, in bytes: a row of a statement of the port's own, or an error.
const MAX_BYTES: usize = 64 << 20;

/// An answer to a statement of the port's own.
#[derive(Debug)]
pub(super) enum OwnAnswer {
    /// Tag, and what follows the length.
    Message(u8, Bytes),
    /// It failed, and the client was told.
    Failed,
}

/// The way of the answers.
pub(super) struct Answers<'a> {
    pub database: &'a mut ReadHalf<Socket>,
    pub client: &'a mut WriteHalf<Socket>,
    pub buffer: BytesMut,
    pub state: Arc<State>,
    pub own: mpsc::Sender<OwnAnswer>,
    /// What is left of a message that is passed on unseen.
    pub left: usize,
}

impl Answers<'_> {
    /// Passes answers on until the database closes the connection.
    pub async fn run(&mut self) -> Result<(), End> {
        loop {
            self.pass().await?;
            self.buffer.reserve(READ_BYTES);
            if self.database.read_buf(&mut self.buffer).await? == 0 {
                return Ok(());
            }
        }
    }

    /// Passes on what has been read.
    async fn pass(&mut self) -> Result<(), End> {
        let mut at = 0;
        loop {
            let rest = self.buffer.len() - at;
            let passed = self.left.min(rest);
            (at, self.left) = (at + passed, self.left - passed);
            let Some(total) = total(&self.buffer[at..])? else {
                break;
            };
            let tag = self.buffer[at];
            let is_whole = self.buffer.len() - at >= total;
            // Asked once a message: of what must be whole, when it is.
            if !is_whole && self.state.ledger().needs_whole(tag) {
                if total > MAX_BYTES {
                    return Err(too_long());
                }
                break;
            }
            let route = self.state.ledger().answered(tag);
            match route {
                Route::Pass => {}
                Route::Look => self.state.look(tag, &self.buffer[at + 5..at + total]),
                route => {
                    self.write(at).await?;
                    let message = self.buffer.split_to(total).freeze();
                    self.divert(tag, message, route).await?;
                    self.state.changed.notify_waiters();
                    at = 0;
                    continue;
                }
            }
            self.left = total;
        }
        self.write(at).await?;
        self.state.changed.notify_waiters();
        Ok(())
    }

    /// Sends the first `bytes` of the buffer to the client.
    async fn write(&mut self, bytes: usize) -> Result<(), End> {
        if bytes > 0 {
            self.client.write_all(&self.buffer[..bytes]).await?;
            self.client.flush().await?;
            self.buffer.advance(bytes);
        }
        Ok(())
    }

    /// A whole message that does not go on as it is.
    async fn divert(&mut self, tag: u8, message: Bytes, route: Route) -> Result<(), End> {
        let replaced;
        let told: &[u8] = match (&route, tag) {
            (Route::Replace(other), _) => other,
            (Route::Edit(rewritten), b'E') => {
                replaced = edit_error(&message, Some(rewritten), None);
                &replaced
            }
            (Route::Edit(rewritten), _) => {
                replaced = edit_description(&message, rewritten.parameters);
                &replaced
            }
            (Route::Failed, _) => {
                let (places, hint) = self.state.own_places();
                replaced = edit_error(&message, places.as_deref(), hint);
                &replaced
            }
            (Route::Own | Route::Pass | Route::Look, _) => {
                if tag == b'Z' {
                    self.state.look(tag, &message[5..]);
                }
                return self.give(OwnAnswer::Message(tag, message.slice(5..))).await;
            }
        };
        self.client.write_all(told).await?;
        self.client.flush().await?;
        match route {
            Route::Failed => self.give(OwnAnswer::Failed).await,
            _ => Ok(()),
        }
    }

    async fn give(&mut self, answer: OwnAnswer) -> Result<(), End> {
        // Whoever asked waits for it.
        let _ = self.own.send(answer).await;
        Ok(())
    }

    /// Whether the client has been given whole messages so far.
    pub fn is_between_messages(&self) -> bool {
        self.left == 0
    }
}

fn too_long() -> End {
    std::io::Error::new(
        std::io::ErrorKind::InvalidData,
        "a message of the database is too long to be looked at",
    )
    .into()
}
