//! A bare WebSocket that speaks the protocol: for what a well-behaved client would never do.

use std::time::Instant;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use loro::LoroDoc;
use quire::auth::Token;
use quire::client::Address;
use quire::protocol::{self, AckStatus, BatchId, Frame, Message, Reassembly, RoomKind, Text};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message as WsMessage;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// One connection to one room of a document.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    kind: RoomKind,
    room: Text,
    reassembly: Reassembly,
    batches: u64,
    /// The code with which the server closed it.
    pub close_code: Option<u16>,
}

impl Socket {
    /// Connects and joins as the stock client would, with the raw token and nothing of the document.
    pub async fn join(address: &Address, token: &Token, room: &str) -> Self {
        let mut socket = Self::connect(address, RoomKind::Document, room).await;
        let answer = socket.asks(token).await;
        assert!(is_in(&answer), "{answer:?}");
        socket
    }

    /// The same, with as little room for what it does not read as the system gives.
    pub async fn join_narrow(address: &Address, token: &Token, room: &str) -> Self {
        let tcp = TcpSocket::new_v4().expect("a socket");
        tcp.set_recv_buffer_size(4096).expect("narrowed");
        let peer = address.authority().parse().expect("a numeric address");
        let stream = tcp.connect(peer).await.expect("connected");
        let stream = MaybeTlsStream::Plain(stream);
        let (stream, _) = tokio_tungstenite::client_async(address.sync_url(), stream)
            .await
            .expect("connected");
        let mut socket = Self::on(stream, RoomKind::Document, room);
        let answer = socket.asks(token).await;
        assert!(is_in(&answer), "{answer:?}");
        socket
    }

    /// The same, if the server is there and lets it in.
    pub async fn try_join(address: &Address, token: &Token, room: &str) -> Option<Self> {
        let mut socket = Self::try_connect(address, RoomKind::Document, room).await?;
        is_in(&socket.asks(token).await).then_some(socket)
    }

    async fn asks(&mut self, token: &Token) -> Option<Message> {
        self.ask_to_join(&token.reveal()).await;
        self.next().await
    }

    /// Connects, and is in no room yet.
    pub async fn connect(address: &Address, kind: RoomKind, room: &str) -> Self {
        let connected = Self::try_connect(address, kind, room).await;
        connected.expect("connected")
    }

    /// The same, if the server is there.
    async fn try_connect(address: &Address, kind: RoomKind, room: &str) -> Option<Self> {
        let connecting = tokio_tungstenite::connect_async(address.sync_url()).await;
        let (stream, _) = connecting.ok()?;
        Some(Self::on(stream, kind, room))
    }

    fn on(stream: WebSocketStream<MaybeTlsStream<TcpStream>>, kind: RoomKind, room: &str) -> Self {
        Self {
            stream,
            kind,
            room: Text::from(room.to_owned()),
            reassembly: Reassembly::default(),
            batches: 0,
            close_code: None,
        }
    }

    /// Sends a join request with nothing of the document; the answer is not waited for.
    pub async fn ask_to_join(&mut self, auth: &str) {
        self.send(Message::JoinRequest {
            auth: auth.to_owned().into(),
            version: Bytes::new(),
        })
        .await;
    }

    /// Waits until something has come, and leaves it unread.
    pub async fn is_told(&self) {
        let MaybeTlsStream::Plain(stream) = self.stream.get_ref() else {
            unreachable!("tests speak plain HTTP");
        };
        stream.peek(&mut [0]).await.expect("told");
    }

    /// Speaks of the room of another kind from here on.
    pub fn turn_to(&mut self, kind: RoomKind) {
        self.kind = kind;
    }

    /// Sends one update; the answer, which names this batch, is not waited for.
    pub async fn send_update(&mut self, update: &[u8]) -> BatchId {
        self.batches += 1;
        let batch = BatchId::from(self.batches);
        self.send(Message::DocUpdate {
            batch,
            updates: [update].into_iter().collect(),
        })
        .await;
        batch
    }

    /// Begins to send an update in so many parts of this size, and never sends the last one: the server
    /// has to keep the others.
    pub async fn send_unfinished(&mut self, parts: u32, part_bytes: usize) {
        self.batches += 1;
        let batch = BatchId::from(self.batches);
        self.send(Message::FragmentHeader {
            batch,
            count: parts.into(),
            total_bytes: u64::from(parts) * part_bytes as u64,
        })
        .await;
        for index in 0..parts - 1 {
            self.send(Message::Fragment {
                batch,
                index: index.into(),
                bytes: vec![0; part_bytes].into(),
            })
            .await;
        }
    }

    /// Sends one update and says how it was answered; everything else that comes is passed over.
    pub async fn write(&mut self, update: &[u8]) -> AckStatus {
        let answer = self.try_write(update).await;
        answer.expect("the answer comes before the connection ends")
    }

    /// The same; `None` when the connection ended before the answer.
    pub async fn try_write(&mut self, update: &[u8]) -> Option<AckStatus> {
        let sent = self.send_update(update).await;
        loop {
            match self.next().await? {
                Message::Ack { batch, status } if batch == sent => return Some(status),
                _ => {}
            }
        }
    }

    /// Reads until the copy is as wanted.
    pub async fn read_into(&mut self, copy: &LoroDoc, wanted: impl Fn(&LoroDoc) -> bool) {
        let is_there = self.try_read_into(copy, wanted).await;
        assert!(is_there, "the connection ended before it was up to date");
    }

    /// The same; false when the connection ended or the server put it out of the room before.
    pub async fn try_read_into(
        &mut self,
        copy: &LoroDoc,
        wanted: impl Fn(&LoroDoc) -> bool,
    ) -> bool {
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
                Some(Message::RoomError { .. }) | None => return false,
                Some(_) => {}
            }
        }
        true
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
            kind: self.kind,
            room: self.room.clone(),
            message,
        };
        let bytes = protocol::encode(&frame).expect("encoded");
        // That the server has hung up is heard from what it sent.
        let _ = self.stream.send(WsMessage::Binary(bytes)).await;
    }

    /// The next message of the protocol; text messages are passed over. `None`: it was closed.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            match self.stream.next().await? {
                Ok(WsMessage::Binary(bytes)) => {
                    return Some(protocol::decode(bytes).expect("decoded").message);
                }
                Ok(WsMessage::Close(frame)) => {
                    self.close_code = frame.map(|frame| frame.code.into());
                    return None;
                }
                Err(_) => return None,
                Ok(_) => {}
            }
        }
    }
}

fn is_in(answer: &Option<Message>) -> bool {
    matches!(answer, Some(Message::JoinResponseOk { .. }))
}
