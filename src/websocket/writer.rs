//! The writing half of a connection: empties the outbox into the socket, asks behind rooms to catch
//! up when it is empty, and ends the connection with the code that was set.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::framing::put_header;
use crate::document::trial::DocKey;
use crate::fanout::outbox::{Close, Next, Outbox};
use crate::fanout::{ReaderId, Room};
use crate::protocol::{PING, PONG};

/// How long one writing may take; a reader slower than that is cut off.
const STUCK: Duration = Duration::from_secs(60);
/// How often a connection that is not written to otherwise is asked whether it lives.
const PING_EVERY: Duration = Duration::from_secs(15);
/// How long the close frame may take.
const CLOSING: Duration = Duration::from_secs(2);
/// A message that is longer is written from where it is, in bytes; shorter ones are put together.
const TOGETHER: usize = 4 * 1024;
/// What is put together at most before it is written, in bytes.
const WRITE_BYTES: usize = 64 * 1024;
/// Longest reason of a close frame: 125 bytes, two of which are the code.
const REASON_BYTES: usize = 123;

/// The rooms that a connection is in, shared by its two halves.
pub(super) type Rooms = Arc<Mutex<HashMap<DocKey, Arc<Room>>>>;

/// Writes until the connection is closed by either side.
pub(super) async fn run<S>(mut io: S, outbox: Outbox, id: ReaderId, rooms: Rooms)
where
    S: AsyncWrite + Unpin,
{
    loop {
        let next = match timeout(PING_EVERY, outbox.next()).await {
            Ok(next) => next,
            Err(_) => {
                outbox.text(PING);
                continue;
            }
        };
        let written = match next {
            Next::Frames(frames) => {
                let frames = frames
                    .into_iter()
                    .map(|frame| (OpCode::Data(Data::Binary), frame));
                let written = timeout(STUCK, write(&mut io, frames)).await;
                outbox.written();
                written
            }
            Next::Text(text) => {
                let text = Bytes::from_static(text.as_bytes());
                timeout(STUCK, write(&mut io, [(OpCode::Data(Data::Text), text)])).await
            }
            Next::Pong(payload) => {
                timeout(
                    STUCK,
                    write(&mut io, [(OpCode::Control(Control::Pong), payload)]),
                )
                .await
            }
            Next::CatchUp(keys) => {
                for key in keys {
                    let room = rooms
                        .lock()
                        .expect("nothing panics while it is held")
                        .get(&key)
                        .cloned();
                    if let Some(room) = room {
                        room.catch_up(id).await;
                    }
                }
                continue;
            }
            Next::Close(reason) => {
                let frame = [(OpCode::Control(Control::Close), close_payload(&reason))];
                // Whoever does not take its close frame in time is closed without.
                let _ = timeout(CLOSING, write(&mut io, frame)).await;
                return;
            }
        };
        match written {
            Ok(Ok(())) => {}
            // The client is gone.
            Ok(Err(_)) => return,
            Err(_) => {
                tracing::info!(connection_id = id, "nothing could be written for too long");
                return;
            }
        }
    }
}

/// Writes whole messages. Not cancellation safe: what was begun cannot be gone on with.
async fn write<S: AsyncWrite + Unpin>(
    io: &mut S,
    messages: impl IntoIterator<Item = (OpCode, Bytes)>,
) -> std::io::Result<()> {
    let mut together = BytesMut::new();
    for (opcode, payload) in messages {
        put_header(&mut together, opcode, payload.len());
        if payload.len() <= TOGETHER {
            together.put(payload);
        } else {
            io.write_all_buf(&mut together.split().chain(payload))
                .await?;
        }
        if together.len() >= WRITE_BYTES {
            io.write_all_buf(&mut together.split()).await?;
        }
    }
    io.write_all_buf(&mut together).await?;
    io.flush().await
}

fn close_payload(close: &Close) -> Bytes {
    let fits = |end: &usize| close.reason.is_char_boundary(*end);
    let end = (0..=close.reason.len().min(REASON_BYTES)).rfind(fits);
    let reason = &close.reason[..end.unwrap_or(0)];
    let mut payload = BytesMut::new();
    payload.put_u16(close.code);
    payload.put(reason.as_bytes());
    payload.freeze()
}

/// The texts that are answers or questions of the protocol.
pub(super) fn answer_text(text: &[u8], outbox: &Outbox) {
    if text == PING.as_bytes() {
        outbox.text(PONG);
    }
}
