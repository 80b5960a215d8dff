//! A client that is in a document and its presence and then only says that it lives: it costs little,
//! so that a test can have thousands of them.

use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use quire::protocol::{self, Frame, Message, RoomKind, Text};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as WsMessage;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// What it keeps ready to read, in bytes.
const READ_BYTES: usize = 1024;
/// How long it may take to be let in, by a server that is busy with the others.
const PATIENCE: Duration = Duration::from_secs(60);

/// One connection of the kind.
pub struct Idle<S> {
    stream: WebSocketStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Debug> Idle<S> {
    /// Joins both rooms of a document as the page does, with a peer to write with.
    pub async fn join(io: S, sync_url: &str, room: &str, token: &str, device: &str) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0);
        let (stream, _) = tokio_tungstenite::client_async_with_config(sync_url, io, Some(config))
            .await
            .expect("connected");
        let mut idle = Self { stream };
        let auth = format!("{{\"token\":\"{token}\",\"device\":\"{device}\"}}");
        for kind in [RoomKind::Document, RoomKind::Ephemeral] {
            let joining = async {
                while !idle.ask(kind, room, &auth).await {
                    crate::kit::pause().await;
                }
            };
            timeout(PATIENCE, joining).await.expect("joined in time");
        }
        idle
    }

    /// Whether it was let in; else it is to ask again.
    async fn ask(&mut self, kind: RoomKind, room: &str, auth: &str) -> bool {
        let frame = Frame {
            kind,
            room: Text::from(room.to_owned()),
            message: Message::JoinRequest {
                auth: auth.to_owned().into(),
                version: Bytes::new(),
            },
        };
        let bytes = protocol::encode(&frame).expect("encoded");
        self.stream
            .send(WsMessage::Binary(bytes))
            .await
            .expect("sent");
        loop {
            let Some(Ok(message)) = self.stream.next().await else {
                panic!("the connection ended before the answer");
            };
            let WsMessage::Binary(bytes) = message else {
                continue;
            };
            let frame = protocol::decode(bytes).expect("decoded");
            if frame.kind == kind {
                match frame.message {
                    Message::JoinResponseOk { .. } => return true,
                    Message::JoinError { message, .. } => {
                        let says = message.as_str();
                        assert!(says.contains("try again"), "{says}");
                        return false;
                    }
                    _ => {}
                }
            }
        }
    }

    /// Says that it lives whenever it is asked, until the server closes it; then how.
    pub async fn stay(mut self) -> String {
        loop {
            match self.stream.next().await {
                Some(Ok(WsMessage::Text(text))) if text.as_str() == protocol::PING => {
                    let pong = WsMessage::text(protocol::PONG);
                    if let Err(error) = self.stream.send(pong).await {
                        return error.to_string();
                    }
                }
                Some(Ok(WsMessage::Close(close))) => return format!("{close:?}"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return error.to_string(),
                None => return "it ended".to_owned(),
            }
        }
    }
}
