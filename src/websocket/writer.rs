//! The writing half of a connection: empties the outbox into the socket, asks behind rooms to catch
//! up when it is empty, and ends the connection with the code that was set.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{Sink, SinkExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

use crate::document::trial::DocKey;
use crate::fanout::outbox::{Next, Outbox};
use crate::fanout::{ReaderId, Room};
use crate::protocol::{PING, PONG};

/// How long one writing may take; a reader slower than that is cut off.
const STUCK: Duration = Duration::from_secs(60);
/// How often a connection that is not written to otherwise is asked whether it lives.
const PING_EVERY: Duration = Duration::from_secs(15);
/// How long the close frame may take.
const CLOSING: Duration = Duration::from_secs(2);

/// The rooms that a connection is in, shared by its two halves.
pub(super) type Rooms = Arc<Mutex<HashMap<DocKey, Arc<Room>>>>;

/// Writes until the connection is closed by either side.
pub(super) async fn run<S>(mut sink: S, outbox: Outbox, id: ReaderId, rooms: Rooms)
where
    S: Sink<Message, Error = tungstenite::Error> + Unpin,
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
                let write = async {
                    for frame in frames {
                        sink.feed(Message::Binary(frame)).await?;
                    }
                    sink.flush().await
                };
                let written = timeout(STUCK, write).await;
                outbox.written();
                written
            }
            Next::Text(text) => timeout(STUCK, sink.send(Message::text(text))).await,
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
                let frame = CloseFrame {
                    code: reason.code.into(),
                    reason: reason.reason.into(),
                };
                // Whoever does not take its close frame in time is closed without.
                let _ = timeout(CLOSING, sink.send(Message::Close(Some(frame)))).await;
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

/// The texts that are answers or questions of the protocol.
pub(super) fn answer_text(text: &str, outbox: &Outbox) {
    if text == PING {
        outbox.text(PONG);
    }
}
