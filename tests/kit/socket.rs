//! A bare WebSocket that speaks the protocol: for what a well-behaved client would never do.

use std::time::Instant;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use loro::LoroDoc;
use quire::auth::Token;
use quire::client::Address;
use quire::protocol::{self, AckStatus, BatchId, Frame, Message, Reassembly, RoomKind, Text};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as WsMessage;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// One connection that has joined one document as the stock client would: with the raw token.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    room: Text,
    reassembly: Reassembly,
    batches: u64,
}

impl Socket {
    /// Connects and joins, with nothing of the document.
    pub async fn join(address: &Address, token: &Token, room: &str) -> Self {
        let (stream, _) = tokio_tungstenite::connect_async(address.sync_url())
            .await
            .expect("connected");
        let mut socket = Self {
            stream,
            room: Text::from(room.to_owned()),
            reassembly: Reassembly::default(),
            batches: 0,
        };
        socket
            .send(Message::JoinRequest {
                auth: token.reveal().into(),
                version: Bytes::new(),
            })
            .await;
        assert!(matches!(
            socket.next().await,
            Some(Message::JoinResponseOk { .. })
        ));
        socket
    }

    /// Sends one update and says how it was answered; everything else that comes is passed over.
    pub async fn write(&mut self, update: &[u8]) -> AckStatus {
        self.batches += 1;
        let sent = BatchId::from(self.batches);
        self.send(Message::DocUpdate {
            batch: sent,
            updates: [update].into_iter().collect(),
        })
        .await;
        loop {
            match self.next().await {
                Some(Message::Ack { batch, status }) if batch == sent => return status,
                Some(_) => {}
                None => panic!("the connection ended before the answer"),
            }
        }
    }

    /// Reads until the copy is as wanted.
    pub async fn read_into(&mut self, copy: &LoroDoc, wanted: impl Fn(&LoroDoc) -> bool) {
        while !wanted(copy) {
            match self.next().await {
                Some(Message::DocUpdate { updates, .. }) => {
                    for update in &updates {
                        copy.import(&update).expect("imported");
                    }
                }
                Some(Message::FragmentHeader {
                    batch,
                    count,
                    total_bytes,
                }) => {
                    let (kind, now) = (RoomKind::Document, Instant::now());
                    self.reassembly
                        .begin(kind, &self.room, batch, count, total_bytes, now)
                        .expect("begun");
                }
                Some(Message::Fragment {
                    batch,
                    index,
                    bytes,
                }) => {
                    let kind = RoomKind::Document;
                    let whole = self
                        .reassembly
                        .add(kind, &self.room, batch, index, &bytes)
                        .expect("it fits");
                    if let Some(update) = whole {
                        copy.import(&update).expect("imported");
                    }
                }
                Some(_) => {}
                None => panic!("the connection ended before it was up to date"),
            }
        }
    }

    /// Reads until the server closes it, and answers the close code.
    pub async fn ended(&mut self) -> u16 {
        loop {
            match self.stream.next().await {
                Some(Ok(WsMessage::Close(Some(close)))) => return close.code.into(),
                Some(Ok(_)) => {}
                _ => panic!("the connection broke off without a close code"),
            }
        }
    }

    /// Returns when the server has closed the connection or put it out of the room.
    pub async fn sent_away(&mut self) {
        loop {
            match self.next().await {
                None | Some(Message::RoomError { .. }) => return,
                Some(_) => {}
            }
        }
    }

    async fn send(&mut self, message: Message) {
        let frame = Frame {
            kind: RoomKind::Document,
            room: self.room.clone(),
            message,
        };
        let bytes = protocol::encode(&frame).expect("encoded");
        self.stream
            .send(WsMessage::Binary(bytes))
            .await
            .expect("sent");
    }

    /// The next message of the protocol; text messages are passed over.
    async fn next(&mut self) -> Option<Message> {
        loop {
            match self.stream.next().await? {
                Ok(WsMessage::Binary(bytes)) => {
                    return Some(protocol::decode(bytes).expect("decoded").message);
                }
                Ok(WsMessage::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }
}
