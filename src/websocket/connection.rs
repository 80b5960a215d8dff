//! The reading half of a connection: one loop, each message one call.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::framing::{Message as Heard, Unreadable};
use super::pace::Pace;
use super::reader::Reader;
use super::writer::{self, Rooms};
use super::{State, close};
use crate::auth::Session;
use crate::commit::lease;
use crate::document::trial::DocKey;
use crate::error::{Error, Kind};
use crate::fanout::outbox::Outbox;
use crate::fanout::{Leases, ReaderId, Respondent, Room, Submission};
use crate::protocol::{
    self, AckStatus, BatchId, Frame, MAX_MESSAGE_BYTES, Message, Permission, Reassembly, RoomKind,
    Text,
};
use crate::traces::Way;

/// A connection that says nothing for so long is closed; clients ping every 10 s.
const SILENCE: Duration = Duration::from_secs(45);
/// A connection on which nobody has signed in for so long is closed.
const SIGN_IN: Duration = Duration::from_secs(10);
/// Messages that may come before anybody has signed in: a client joins its rooms.
const UNSIGNED: u32 = 32;
/// Updates of one connection that may be under way, in bytes: one of the largest, and some.
const UNDER_WAY: usize = 20 * 1024 * 1024;
/// How long the writing half may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// What a connection has to do with one room.
pub(super) struct Joined {
    pub room: Arc<Room>,
    pub permission: Permission,
    pub leases: Leases,
}

/// One connection.
pub(super) struct Connection {
    pub state: Arc<State>,
    pub id: ReaderId,
    pub outbox: Outbox,
    pub session: Option<Arc<Session>>,
    pub documents: HashMap<DocKey, Joined>,
    /// Rooms whose presence it is told.
    pub presence: HashMap<DocKey, Leases>,
    pub rooms: Rooms,
    reassembly: Reassembly,
    presence_pace: Pace,
    under_way: Arc<Semaphore>,
}

/// Serves a connection whose handshake is done until either side closes it.
pub async fn serve<S>(io: S, session: Option<Session>, state: Arc<State>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (io, sink) = tokio::io::split(io);
    let reader = Reader::new(io, MAX_MESSAGE_BYTES);
    let outbox = Outbox::new(state.limits.outbox_bytes);
    let rooms = Rooms::default();
    let id = match state.register(&outbox) {
        Ok(id) => id,
        Err(code) => {
            outbox.close(code, "retry_after_ms=1000");
            return writer::run(sink, outbox, 0, rooms).await;
        }
    };
    let mut connection = Connection {
        state: state.clone(),
        id,
        outbox: outbox.clone(),
        session: None,
        documents: HashMap::new(),
        presence: HashMap::new(),
        rooms: rooms.clone(),
        reassembly: Reassembly::default(),
        presence_pace: Pace::default(),
        under_way: Arc::new(Semaphore::new(UNDER_WAY)),
    };
    if let Some(session) = session {
        connection.signed_in(session);
    }
    let write = writer::run(sink, outbox.clone(), id, rooms);
    tokio::pin!(write);
    tokio::select! {
        biased;
        () = &mut write => {}
        () = connection.read(reader) => {
            // What was set to be said is said; a client that is gone does not hold this up.
            let _ = tokio::time::timeout(GOODBYE, write).await;
        }
    }
    Box::pin(connection.end()).await;
    state.unregister(id);
}

impl Connection {
    async fn read<S: AsyncRead + Unpin>(&mut self, mut reader: Reader<S>) {
        let mut silent_at = Instant::now() + SILENCE;
        let sign_in_by = Instant::now() + SIGN_IN;
        let mut unsigned = 0;
        loop {
            let wake_at = match self.reassembly.next_deadline() {
                Some(deadline) => silent_at.min(deadline.into()),
                None => silent_at,
            };
            let wake_at = match self.session {
                Some(_) => wake_at,
                None => wake_at.min(sign_in_by),
            };
            let outbox = self.outbox.clone();
            let hearing = async {
                // Whoever does not take its answers is not read: else they would fill the memory.
                outbox.has_room().await;
                reader.next().await
            };
            let heard = tokio::time::timeout_at(wake_at, hearing).await;
            if self.session.is_none() && Instant::now() >= sign_in_by {
                return self
                    .outbox
                    .close(close::SIGNED_OUT, "nobody signed in within 10 s");
            }
            match heard {
                Err(_) if Instant::now() >= silent_at => {
                    return self
                        .outbox
                        .close(close::SILENT, "nothing was heard for 45 s");
                }
                Err(_) => self.expire_fragments(),
                Ok(Ok(None)) => return self.outbox.close(1000, ""),
                Ok(Err(reason)) => return self.unreadable(reason),
                Ok(Ok(Some(message))) => {
                    silent_at = Instant::now() + SILENCE;
                    if self.session.is_none() {
                        unsigned += 1;
                        if unsigned > UNSIGNED {
                            let reason = "too many messages before anybody signed in";
                            return self.outbox.close(close::SIGNED_OUT, reason);
                        }
                    }
                    match message {
                        Heard::Binary(bytes) => {
                            if let Err(error) = self.take(bytes).await {
                                return self
                                    .outbox
                                    .close(close_code(&error), error.public_message());
                            }
                        }
                        Heard::Text(text) => writer::answer_text(&text, &self.outbox),
                        Heard::Ping(payload) => self.outbox.pong(payload),
                        Heard::Pong => {}
                        Heard::Close => return self.outbox.close(1000, ""),
                    }
                }
            }
        }
    }

    fn unreadable(&self, reason: Unreadable) {
        match reason {
            Unreadable::TooLarge => self
                .outbox
                .close(close::TOO_LARGE, "a message may have 256 KiB"),
            // The client is gone, or speaks something else.
            Unreadable::Broken => self
                .outbox
                .close(close::PROTOCOL_ERROR, "not a WebSocket message"),
        }
    }

    /// One message of the protocol.
    ///
    /// # Errors
    /// What ends the connection: a message that cannot be read.
    async fn take(&mut self, bytes: Bytes) -> Result<(), Error> {
        let Frame {
            kind,
            room,
            message,
        } = protocol::decode(bytes)?;
        match message {
            Message::JoinRequest { auth, version } => {
                // Answers to what was sent before come before the answer to the join.
                self.all_answered().await;
                // What is rare is apart: it would take most of the memory of a connection that is idle.
                Box::pin(self.join(kind, room, auth, version)).await;
            }
            Message::Leave => Box::pin(self.leave(kind, &room)).await,
            Message::DocUpdate { updates, batch } => {
                self.update(kind, room, batch, updates.iter().collect())
                    .await;
            }
            Message::FragmentHeader {
                batch,
                count,
                total_bytes,
            } => {
                // What could not be written is not kept either.
                if let Err(status) = self.may_update(kind, &room) {
                    self.ack(kind, room, batch, status);
                    return Ok(());
                }
                let now = std::time::Instant::now();
                let begun = self
                    .reassembly
                    .begin(kind, &room, batch, count, total_bytes, now);
                if let Err(error) = begun {
                    self.ack(kind, room, batch, status(&error));
                }
            }
            Message::Fragment {
                batch,
                index,
                bytes,
            } => match self.reassembly.add(kind, &room, batch, index, &bytes) {
                Ok(None) => {}
                Ok(Some(update)) => self.update(kind, room, batch, vec![update]).await,
                Err(error) if error.kind() == Kind::Gone => {}
                Err(error) => self.ack(kind, room, batch, status(&error)),
            },
            // Answers of a client to what the server sent; nothing waits for them.
            Message::Ack { .. } => {}
            Message::JoinResponseOk { .. }
            | Message::JoinError { .. }
            | Message::RoomError { .. } => {
                return Err(Error::new(Kind::Invalid, "only a server says this"));
            }
        }
        Ok(())
    }

    /// Whether updates of a room are taken from this connection.
    fn may_update(&self, kind: RoomKind, room: &Text) -> Result<(), AckStatus> {
        let (Some(key), Some(_)) = (Room::parse(room), &self.session) else {
            return Err(AckStatus::PermissionDenied);
        };
        // Before the join, or after being sent away: sent again after the next join.
        let is_in = match kind {
            RoomKind::Document => match self.documents.get(&key) {
                Some(joined) if joined.permission != Permission::Write => {
                    return Err(AckStatus::PermissionDenied);
                }
                joined => joined.is_some(),
            },
            RoomKind::Ephemeral => self.presence.contains_key(&key),
            RoomKind::Other(_) => false,
        };
        is_in.then_some(()).ok_or(AckStatus::AppError)
    }

    async fn update(&mut self, kind: RoomKind, room: Text, batch: BatchId, updates: Vec<Bytes>) {
        if let Err(status) = self.may_update(kind, &room) {
            return self.ack(kind, room, batch, status);
        }
        let (Some(key), Some(session)) = (Room::parse(&room), self.session.clone()) else {
            return;
        };
        match kind {
            RoomKind::Document => {
                let Some(joined) = self.documents.get(&key) else {
                    return;
                };
                let (target, leases) = (joined.room.clone(), joined.leases.clone());
                let way = Way::begun();
                let own = (&self.under_way, UNDER_WAY);
                let budget = self.state.fanout.budget();
                let permit = budget.take(Some(own), key.org_id, &updates).await;
                let submission = Submission {
                    session,
                    leases,
                    respondent: Respondent::Client {
                        outbox: self.outbox.clone(),
                        batch,
                    },
                    updates,
                    permit,
                    way,
                };
                if target.submit(submission).await.is_err() {
                    self.ack(kind, room, batch, AckStatus::AppError);
                }
            }
            RoomKind::Ephemeral => {
                let wait = self.presence_pace.wait(std::time::Instant::now());
                tokio::time::sleep(wait).await;
                let Some(leases) = self.presence.get(&key) else {
                    return;
                };
                // The peer of the document's room is the key that it may show.
                let leases = self
                    .documents
                    .get(&key)
                    .map_or(leases, |joined| &joined.leases);
                let presence = &self.state.presence;
                let is_in = updates
                    .iter()
                    .all(|update| presence.update(key, self.id, leases, &session, update));
                let status = match is_in {
                    true => AckStatus::Ok,
                    false => AckStatus::PermissionDenied,
                };
                self.ack(kind, room, batch, status);
            }
            RoomKind::Other(_) => {}
        }
    }

    /// Waits until nothing of this connection is under way.
    async fn all_answered(&self) {
        let all = self.under_way.acquire_many(UNDER_WAY as u32).await;
        drop(all.expect("the semaphore is never closed"));
    }

    fn expire_fragments(&mut self) {
        for (kind, room, batch) in self.reassembly.expire(std::time::Instant::now()) {
            self.ack(kind, room, batch, AckStatus::FragmentTimeout);
        }
    }

    async fn leave(&mut self, kind: RoomKind, room: &Text) {
        let Some(key) = Room::parse(room) else { return };
        self.reassembly.forget(kind, room);
        match kind {
            RoomKind::Document => self.leave_document(&key).await,
            RoomKind::Ephemeral => {
                self.leave_presence(&key);
            }
            RoomKind::Other(_) => {}
        }
    }

    pub(super) fn leave_presence(&mut self, key: &DocKey) {
        if self.presence.remove(key).is_some() {
            self.state.presence.leave(*key, self.id);
        }
    }

    pub(super) async fn leave_document(&mut self, key: &DocKey) {
        self.rooms
            .lock()
            .expect("nothing panics while it is held")
            .remove(key);
        let Some(joined) = self.documents.remove(key) else {
            return;
        };
        joined.room.leave(self.id).await;
        for lease in joined.leases.take() {
            // A lease that is not given back is taken over at the device's next join.
            if let Err(error) = lease::release(&self.state.pool, &lease).await {
                tracing::debug!(%error, "release lease");
            }
        }
    }

    async fn end(&mut self) {
        for key in self
            .presence
            .drain()
            .map(|(key, _)| key)
            .collect::<Vec<_>>()
        {
            self.state.presence.leave(key, self.id);
        }
        // A lease given back before its edits are committed would refuse them.
        self.all_answered().await;
        for key in self.documents.keys().copied().collect::<Vec<_>>() {
            self.leave_document(&key).await;
        }
    }

    pub(super) fn signed_in(&mut self, session: Session) {
        self.state.signed_in(self.id, session.session_id);
        self.session = Some(Arc::new(session));
    }

    pub(super) fn ack(&self, kind: RoomKind, room: Text, batch: BatchId, status: AckStatus) {
        self.say(kind, room, Message::Ack { batch, status });
    }

    pub(super) fn say(&self, kind: RoomKind, room: Text, message: Message) {
        let frame = Frame {
            kind,
            room,
            message,
        };
        match protocol::encode(&frame) {
            Ok(bytes) => self.outbox.answer(bytes),
            Err(error) => tracing::error!(%error, "encode answer"),
        }
    }
}

fn status(error: &Error) -> AckStatus {
    match error.kind() {
        Kind::TooLarge => AckStatus::PayloadTooLarge,
        Kind::Limited => AckStatus::RateLimited,
        _ => AckStatus::InvalidUpdate,
    }
}

fn close_code(error: &Error) -> u16 {
    match error.kind() {
        Kind::TooLarge => close::TOO_LARGE,
        _ => close::PROTOCOL_ERROR,
    }
}
