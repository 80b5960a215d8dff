//! What a client knows, what it has made and what it has to send. No I/O: the connection moves bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use loro::awareness::EphemeralStore;
use loro::{LoroDoc, LoroValue, Subscription, VersionVector};
use serde::Serialize;

use super::outbox::{Outbox, Waiting};
use super::recovery::{Again, Ahead};
use super::{Event, Options};
use crate::document::blocks::plain_text;
use crate::document::model;
use crate::error::{Error, Kind, Result};
use crate::protocol::{Frame, Message, Reassembly, RoomKind, Text, encode};

/// How long others' entries are shown, in milliseconds.
const PRESENCE_MS: i64 = 30_000;

pub struct State {
    pub doc: LoroDoc,
    pub outbox: Outbox,
    /// The peer that the server leased to this client.
    pub lease: Option<u64>,
    pub closing: bool,
    /// The server asked whether this client lives.
    pub pong_due: bool,
    pub options: Options,
    /// The first of the addresses is to be tried next.
    pub begins_anew: bool,
    /// Whether updates may be sent over this connection.
    pub(super) is_joined: bool,
    /// What the server had at the last join; reached when everything of it is here.
    pub(super) join_version: Option<VersionVector>,
    /// Messages that are no updates of this document.
    control: VecDeque<Bytes>,
    pub(super) reassembly: Reassembly,
    pub(super) presence: EphemeralStore,
    pub(super) presence_changed: bool,
    /// Refusals of updates since the last ack.
    pub(super) refusals: u32,
    /// The next room error belongs to a refusal that is settled.
    pub(super) skips_error: bool,
    /// Where the next update must begin.
    pub(super) queued_end: i32,
    /// What the server has, as far as it has told since the join. Kept true only while this copy holds
    /// more of others than that.
    pub(super) server_version: VersionVector,
    pub(super) ahead: Option<Ahead>,
    pub(super) again: Option<Again>,
    /// How often the client has started over.
    copies: u32,
    failure: Option<(Kind, String)>,
    made: Arc<Mutex<Vec<Vec<u8>>>>,
    subscription: Subscription,
}

/// A document whose local updates go into `made`.
fn empty_document(made: &Arc<Mutex<Vec<Vec<u8>>>>) -> (LoroDoc, Subscription) {
    let doc = LoroDoc::new();
    model::configure_text_styles(&doc);
    let list = made.clone();
    let subscription = doc.subscribe_local_update(Box::new(move |update| {
        list.lock()
            .expect("nothing panics with it")
            .push(update.clone());
        true
    }));
    (doc, subscription)
}

/// Quire's form of the credentials in a join.
#[derive(Serialize)]
struct Credentials<'a> {
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gives_up: Option<String>,
    device: &'a str,
}

impl State {
    pub fn new(options: Options) -> Self {
        let made = Arc::new(Mutex::new(Vec::new()));
        let (doc, subscription) = empty_document(&made);
        Self {
            doc,
            outbox: Outbox::default(),
            lease: None,
            closing: false,
            pong_due: false,
            options,
            begins_anew: false,
            is_joined: false,
            join_version: None,
            control: VecDeque::new(),
            reassembly: Reassembly::default(),
            presence: EphemeralStore::new(PRESENCE_MS),
            presence_changed: false,
            refusals: 0,
            skips_error: false,
            queued_end: 0,
            server_version: VersionVector::default(),
            ahead: None,
            again: None,
            copies: 0,
            failure: None,
            made,
            subscription,
        }
    }

    /// Begins with an empty document again, and gives the one before back.
    pub(super) fn new_copy(&mut self) -> LoroDoc {
        let (doc, subscription) = empty_document(&self.made);
        self.subscription = subscription;
        self.outbox = Outbox::default();
        self.join_version = None;
        (self.is_joined, self.queued_end) = (false, 0);
        self.copies += 1;
        std::mem::replace(&mut self.doc, doc)
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
        plain_text(&self.doc)
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
        self.join_again()
    }

    /// Asks to join. Whoever is put out of a document is out of its presence too.
    pub(super) fn join_again(&mut self) -> Result<()> {
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
            let limit = self.sendable();
            frames.extend(self.outbox.send(&self.options.room, limit)?);
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

    pub(super) fn join(&mut self, kind: RoomKind) -> Result<()> {
        let mut device = self.options.device.clone();
        if self.copies > 0 {
            // The name before would get the peer before again.
            device = format!("{device}.{}", self.copies);
        }
        let credentials = Credentials {
            token: &self.options.token,
            peer: self.lease.map(|peer| peer.to_string()),
            gives_up: self.again.as_ref().map(|again| again.peer.to_string()),
            device: &device,
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

    fn frame(&self, kind: RoomKind, message: Message) -> Result<Bytes> {
        encode(&Frame {
            kind,
            room: Text::from(self.options.room.as_str()),
            message,
        })
    }
}
