//! What a client knows, and what it does about each message. No I/O: the connection moves bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use loro::awareness::EphemeralStore;
use loro::{ExportMode, IdSpan, LoroDoc, LoroText, LoroValue, Subscription, VersionVector};
use serde::{Deserialize, Serialize};

use super::editor::find_text;
use super::outbox::{Outbox, Waiting};
use super::{Event, Options};
use crate::document::model;
use crate::error::{Error, Kind, Result};
use crate::protocol::{
    AckStatus, BatchId, Frame, JoinErrorCode, Message, Reassembly, RoomErrorCode, RoomKind, Text,
    decode, encode,
};

/// Refusals in a row, without any ack between them, after which the client gives up.
const MOST_REFUSALS: u32 = 5;

/// How long others' entries are shown, in milliseconds.
const PRESENCE_MS: i64 = 30_000;

pub struct State {
    pub doc: LoroDoc,
    pub outbox: Outbox,
    /// The first paragraph's text, once it was needed.
    pub text: Option<LoroText>,
    /// The peer that the server leased to this client.
    pub lease: Option<u64>,
    pub closing: bool,
    /// The server asked whether this client lives.
    pub pong_due: bool,
    pub options: Options,
    /// Whether updates may be sent over this connection.
    is_joined: bool,
    /// What the server had at the last join; reached when everything of it is here.
    join_version: Option<VersionVector>,
    /// Messages that are no updates of this document.
    control: VecDeque<Bytes>,
    reassembly: Reassembly,
    presence: EphemeralStore,
    presence_changed: bool,
    refusals: u32,
    /// Where the next update must begin.
    queued_end: i32,
    failure: Option<(Kind, String)>,
    made: Arc<Mutex<Vec<Vec<u8>>>>,
    _made: Subscription,
}

/// Quire's form of the credentials in a join.
#[derive(Serialize)]
struct Credentials<'a> {
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    device: &'a str,
}

/// What Quire adds to the answer to a join.
#[derive(Deserialize)]
struct Extra {
    /// None for whoever may only read.
    peer: Option<String>,
}

impl State {
    pub fn new(options: Options) -> Self {
        let doc = LoroDoc::new();
        model::configure_text_styles(&doc);
        let made = Arc::new(Mutex::new(Vec::new()));
        let list = made.clone();
        let subscription = doc.subscribe_local_update(Box::new(move |update| {
            list.lock()
                .expect("nothing panics with it")
                .push(update.clone());
            true
        }));
        Self {
            doc,
            outbox: Outbox::default(),
            text: None,
            lease: None,
            closing: false,
            pong_due: false,
            options,
            is_joined: false,
            join_version: None,
            control: VecDeque::new(),
            reassembly: Reassembly::default(),
            presence: EphemeralStore::new(PRESENCE_MS),
            presence_changed: false,
            refusals: 0,
            queued_end: 0,
            failure: None,
            made,
            _made: subscription,
        }
    }

    pub fn is_up_to_date(&self) -> bool {
        let Some(version) = &self.join_version else {
            return false;
        };
        self.is_joined && self.doc.oplog_vv() >= *version
    }

    pub fn is_joined(&self) -> bool {
        self.is_joined
    }

    pub fn room_for(&self) -> usize {
        self.options.window.saturating_sub(self.outbox.len())
    }

    pub fn check(&self) -> Result<()> {
        match &self.failure {
            Some((kind, text)) => Err(Error::new(*kind, text.clone())),
            None => Ok(()),
        }
    }

    pub fn fail(&mut self, error: &Error) {
        self.failure = Some((error.kind(), error.to_string()));
        self.is_joined = false;
    }

    pub fn text_content(&self) -> String {
        find_text(&self.doc).map_or_else(String::new, |text| text.to_string())
    }

    /// Ends Loro's transaction and queues the update that it made, if it made one.
    pub fn commit(&mut self) {
        self.doc.commit();
        let mut made = std::mem::take(&mut *self.made.lock().expect("nothing panics with it"));
        for update in made.drain(..) {
            let frontiers = self.doc.oplog_frontiers();
            // A local commit is the newest change and knows all others.
            let counter_end = frontiers.as_single().map_or(0, |id| id.counter + 1);
            self.queue(Bytes::from(update), counter_end);
        }
        *self.made.lock().expect("nothing panics with it") = made;
    }

    pub fn queue(&mut self, update: Bytes, counter_end: i32) {
        self.outbox.push(Waiting {
            update,
            counter_start: std::mem::replace(&mut self.queued_end, counter_end),
            counter_end,
            made_at: Instant::now(),
        });
    }

    pub fn show(&mut self, value: LoroValue) {
        if let Some(peer) = self.lease {
            self.presence.set(&peer.to_string(), value);
            self.presence_changed = true;
        }
    }

    /// Sends this client's entry again, so that it does not expire.
    pub fn refresh_presence(&mut self) {
        let mine = self.lease.map(|peer| peer.to_string());
        if let Some(mine) = mine
            && let Some(value) = self.presence.get(&mine)
        {
            self.presence.set(&mine, value);
            self.presence_changed = true;
        }
    }

    pub fn shown(&self) -> Vec<(String, LoroValue)> {
        let mut list: Vec<_> = self.presence.get_all_states().into_iter().collect();
        list.sort_by(|a, b| a.0.cmp(&b.0));
        list
    }

    /// A connection is open: asks to join.
    pub fn connected(&mut self) -> Result<()> {
        self.control.clear();
        self.reassembly = Reassembly::default();
        self.join(RoomKind::Document)?;
        if self.options.presence {
            self.join(RoomKind::Ephemeral)?;
        }
        Ok(())
    }

    /// The connection is gone.
    pub fn lost(&mut self, reason: &str) {
        self.is_joined = false;
        (self.options.observer)(Event::Lost { reason });
    }

    /// Whether [`Self::outgoing`] has something.
    pub fn wants_to_send(&self) -> bool {
        !self.control.is_empty()
            || self.presence_changed
            || self.is_joined && self.outbox.has_unsent()
    }

    /// Everything that may be sent now.
    pub fn outgoing(&mut self) -> Result<Vec<Bytes>> {
        let mut frames: Vec<_> = self.control.drain(..).collect();
        if self.is_joined && self.outbox.has_unsent() {
            frames.extend(self.outbox.send(&self.options.room)?);
        }
        if std::mem::take(&mut self.presence_changed)
            && let Some(peer) = self.lease
        {
            let update = self.presence.encode(&peer.to_string());
            frames.push(self.frame(
                RoomKind::Ephemeral,
                Message::DocUpdate {
                    updates: [update].into_iter().collect(),
                    batch: u64::MAX.into(),
                },
            )?);
        }
        Ok(frames)
    }

    /// Says goodbye.
    pub fn leave(&mut self) -> Result<Bytes> {
        self.frame(RoomKind::Document, Message::Leave)
    }

    /// Takes one message.
    ///
    /// # Errors
    /// What ends this client, or (`Unavailable`, `Limited`) this connection.
    pub fn receive(&mut self, message: Bytes, address: &str) -> Result<()> {
        let Frame {
            kind,
            room,
            message,
        } = decode(message)?;
        if room.as_str() != self.options.room {
            return Err(Error::new(Kind::Internal, "a message of another room"));
        }
        match (kind, message) {
            (RoomKind::Document, Message::JoinResponseOk { version, extra, .. }) => {
                self.on_join(&version, &extra, address)
            }
            (RoomKind::Ephemeral, Message::JoinResponseOk { .. }) => {
                self.presence_changed = true;
                Ok(())
            }
            (
                _,
                Message::JoinError {
                    code,
                    message,
                    app_code,
                    ..
                },
            ) => {
                let kind = match code {
                    JoinErrorCode::AuthFailed => Kind::Forbidden,
                    JoinErrorCode::AppError => app_kind(app_code.as_deref()),
                    _ => Kind::Unavailable,
                };
                Err(Error::new(kind, format!("join refused: {message}")))
            }
            (RoomKind::Document, Message::DocUpdate { updates, .. }) => {
                updates.iter().try_for_each(|update| self.import(&update))
            }
            (RoomKind::Ephemeral, Message::DocUpdate { updates, .. }) => {
                updates.iter().try_for_each(|update| self.apply(&update))
            }
            (
                kind,
                Message::FragmentHeader {
                    batch,
                    count,
                    total_bytes,
                },
            ) => self
                .reassembly
                .begin(kind, &room, batch, count, total_bytes, Instant::now()),
            (
                kind,
                Message::Fragment {
                    batch,
                    index,
                    bytes,
                },
            ) => match self.reassembly.add(kind, &room, batch, index, &bytes)? {
                Some(update) if kind == RoomKind::Document => self.import(&update),
                Some(update) => self.apply(&update),
                None => Ok(()),
            },
            (RoomKind::Document, Message::Ack { batch, status }) => {
                self.on_ack(batch, status);
                Ok(())
            }
            (RoomKind::Document, Message::RoomError { code, message }) => {
                self.on_room_error(code, &message)
            }
            _ => Ok(()),
        }
    }

    fn on_join(&mut self, version: &[u8], extra: &[u8], address: &str) -> Result<()> {
        let wrong = |what| move |error| Error::caused(Kind::Internal, what, error);
        let extra: Extra = serde_json::from_slice(extra)
            .map_err(|error| Error::caused(Kind::Internal, "read the lease", error))?;
        let version = VersionVector::decode(version).map_err(wrong("read the server's version"))?;
        let peer = extra.peer.map(|peer| peer.parse::<u64>()).transpose();
        let peer =
            peer.map_err(|error| Error::caused(Kind::Internal, "read the leased peer", error))?;
        match peer {
            Some(peer) => self.take_lease(peer, &version)?,
            None if self.outbox.is_empty() => self.lease = None,
            None => {
                let text = "the right to write is gone while updates wait";
                return Err(Error::new(Kind::Forbidden, text));
            }
        }
        self.join_version = Some(version);
        self.is_joined = true;
        (self.options.observer)(Event::Joined { address, peer });
        Ok(())
    }

    /// Goes on writing with the peer, from where the durable version ends.
    fn take_lease(&mut self, peer: u64, version: &VersionVector) -> Result<()> {
        let durable = version.get(&peer).copied().unwrap_or(0);
        if self.lease.is_some_and(|mine| mine != peer) && !self.outbox.is_empty() {
            let text = "another peer was leased while updates of the former one wait";
            return Err(Error::new(Kind::Conflict, text));
        }
        if self.lease != Some(peer) {
            self.doc
                .set_peer_id(peer)
                .map_err(|error| Error::caused(Kind::Internal, "take the leased peer", error))?;
            self.lease = Some(peer);
            self.queued_end = durable;
        }
        for waiting in self.outbox.rejoin(durable) {
            acknowledged(&mut self.options, &waiting);
        }
        self.restore(peer, durable)
    }

    /// The server may have lost what it had acknowledged (failover to a standby that lagged): that
    /// is sent again too.
    fn restore(&mut self, peer: u64, durable: i32) -> Result<()> {
        let first = self.outbox.first_counter().unwrap_or(self.queued_end);
        let have = self.doc.oplog_vv().get(&peer).copied().unwrap_or(0);
        if durable >= first || have < first {
            return Ok(());
        }
        let span = IdSpan::new(peer, durable, first);
        let update = self
            .doc
            .export(ExportMode::updates_in_range(vec![span]))
            .map_err(|error| Error::caused(Kind::Internal, "export what was lost", error))?;
        self.outbox.push_front(Waiting {
            update: Bytes::from(update),
            counter_start: durable,
            counter_end: first,
            made_at: Instant::now(),
        });
        Ok(())
    }

    fn on_ack(&mut self, batch: BatchId, status: AckStatus) {
        if status == AckStatus::Ok {
            self.refusals = 0;
            for waiting in self.outbox.acknowledge(batch) {
                acknowledged(&mut self.options, &waiting);
            }
        } else {
            // The room error that follows says whether joining again mends it.
            self.refusals += 1;
            self.is_joined = false;
            (self.options.observer)(Event::Refused(status));
        }
    }

    fn on_room_error(&mut self, code: RoomErrorCode, message: &Text) -> Result<()> {
        match code {
            RoomErrorCode::RejoinSuggested if self.refusals < MOST_REFUSALS => {
                self.is_joined = false;
                self.join(RoomKind::Document)
            }
            RoomErrorCode::RejoinSuggested => {
                let text = format!("refused {MOST_REFUSALS} times in a row: {message}");
                Err(Error::new(Kind::Invalid, text))
            }
            RoomErrorCode::Evicted => Err(Error::new(Kind::Forbidden, message.as_str())),
            RoomErrorCode::AppError => Err(Error::new(app_kind(Some(message)), message.as_str())),
        }
    }

    fn join(&mut self, kind: RoomKind) -> Result<()> {
        let credentials = Credentials {
            token: &self.options.token,
            peer: self.lease.map(|peer| peer.to_string()),
            device: &self.options.device,
        };
        let auth = serde_json::to_vec(&credentials)
            .map_err(|error| Error::caused(Kind::Internal, "write credentials", error))?;
        let version = match kind {
            RoomKind::Document => self.doc.oplog_vv().encode(),
            _ => Vec::new(),
        };
        let message = Message::JoinRequest {
            auth: Bytes::from(auth),
            version: Bytes::from(version),
        };
        let frame = self.frame(kind, message)?;
        self.control.push_back(frame);
        Ok(())
    }

    fn import(&mut self, update: &[u8]) -> Result<()> {
        let status = self
            .doc
            .import(update)
            .map_err(|error| Error::caused(Kind::Internal, "import an update", error))?;
        if let Some(pending) = status.pending {
            let text = format!("an update came before what it builds on: {pending:?}");
            return Err(Error::new(Kind::Internal, text));
        }
        (self.options.observer)(Event::Imported {
            operations: &status.success,
            at: Instant::now(),
        });
        Ok(())
    }

    fn apply(&mut self, update: &[u8]) -> Result<()> {
        self.presence
            .apply(update)
            .map_err(|error| Error::new(Kind::Internal, format!("apply presence: {error}")))
    }

    fn frame(&self, kind: RoomKind, message: Message) -> Result<Bytes> {
        encode(&Frame {
            kind,
            room: Text::from(self.options.room.as_str()),
            message,
        })
    }
}

/// What Quire's own codes ask for; they stand in PROTOCOL.md.
fn app_kind(code: Option<&str>) -> Kind {
    match code {
        Some("document_deleted") => Kind::Gone,
        Some("document_unavailable") => Kind::Unavailable,
        _ => Kind::Invalid,
    }
}

fn acknowledged(options: &mut Options, waiting: &Waiting) {
    (options.observer)(Event::Acknowledged {
        counter_end: waiting.counter_end,
        made_at: waiting.made_at,
        at: Instant::now(),
    });
}
