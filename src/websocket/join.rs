//! Joining a room: what is answered, and from which version whoever joins is brought up to date.

use std::time::Instant;

use bytes::Bytes;
use loro::VersionVector;
use serde_json::json;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::admission::no_document;
use super::connection::{Connection, Joined};
use super::credentials::Credentials;
use super::seldom::Seldom;
use crate::auth::{Scope, Session};
use crate::commit::lease::Lease;
use crate::document::live::decode_version;
use crate::document::model::VERSION;
use crate::document::trial::DocKey;
use crate::error::{Error, Kind, Result};
use crate::fanout::{Join, Leases, Room};
use crate::metrics::Counters;
use crate::postgres::failed;
use crate::protocol::{JoinErrorCode, Message, RoomErrorCode, RoomKind, Text};
use crate::traces::{self, Span};

/// Rooms that one connection may be in, documents and presence counted apart.
const MAX_ROOMS: usize = 64;

pub(super) static JOINS: Counters<7> = Counters::new(
    "quire_joins_total",
    "Wishes to join a document or its presence, by what became of them.",
    "outcome",
    [
        "joined",
        "signed_out",
        "forbidden",
        "deleted",
        "limited",
        "invalid",
        "failed",
    ],
);

/// While the database is away, or an organisation arrives, every client tries again and again.
static FAILED: Seldom = Seldom::new();

const DOCUMENT_TITLE: &str = include_str!("../../sql/document_title.sql");

/// Why somebody is not in a room.
enum NotIn {
    /// Not let in: the answer says why.
    Refused(Error),
    /// Let in, and put out before the join was over. The answer said that it came in, so it is told like any
    /// reader of the room, and the answer to its next join says why.
    PutOut(Error),
}

impl From<Error> for NotIn {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl Connection {
    /// Answers a join request, through the outbox.
    pub(super) async fn join(&mut self, kind: RoomKind, room: Text, auth: Bytes, version: Bytes) {
        let mut span = traces::root("join");
        if let (Some(span), Some(key)) = (&mut span, Room::parse(&room)) {
            span.set("quire.document_id", key.document_id);
        }
        let joining = async {
            let joined = match kind {
                RoomKind::Document => self.join_document(&room, &auth, &version).await,
                RoomKind::Ephemeral => self.join_presence(&room, &auth).await,
                RoomKind::Other(_) => Err(NotIn::Refused(Error::new(
                    Kind::Invalid,
                    "rooms of this kind are not served; use %LOR and %EPH",
                ))),
            };
            match joined {
                Ok(()) => "joined",
                Err(NotIn::Refused(error)) => {
                    self.refuse(kind, room, &error);
                    outcome(&error)
                }
                Err(NotIn::PutOut(error)) => {
                    self.put_out(kind, room, &error);
                    outcome(&error)
                }
            }
        };
        let outcome = traces::within(span.as_ref().map(Span::place), joining).await;
        JOINS.increment(outcome);
        if let Some(span) = &mut span {
            span.serve();
            span.set("quire.outcome", outcome);
            if outcome == "failed" {
                span.fail();
            }
        }
    }

    fn refuse(&self, kind: RoomKind, room: Text, error: &Error) {
        let (code, app_code) = match error.kind() {
            Kind::SignedOut => (JoinErrorCode::AuthFailed, None),
            Kind::Forbidden | Kind::NotFound => (JoinErrorCode::AuthFailed, Some("no_access")),
            Kind::Gone => (JoinErrorCode::AppError, Some("document_deleted")),
            Kind::Elsewhere => (JoinErrorCode::AppError, Some("moved")),
            Kind::Limited => (JoinErrorCode::AppError, Some("too_many_rooms")),
            Kind::Invalid => (JoinErrorCode::AppError, Some("invalid")),
            _ => {
                if let Some(others) = FAILED.due(Instant::now()) {
                    tracing::warn!(room = room.as_str(), %error, others, "join room");
                }
                (JoinErrorCode::AppError, Some("document_unavailable"))
            }
        };
        let message = Message::JoinError {
            code,
            message: error.public_message().into(),
            version: None,
            // The field exists only with that code.
            app_code: app_code
                .filter(|_| code == JoinErrorCode::AppError)
                .map(Text::from),
        };
        self.say(kind, room, message);
    }

    fn put_out(&self, kind: RoomKind, room: Text, error: &Error) {
        tracing::debug!(room = room.as_str(), %error, "put out while joining");
        let message = Message::RoomError {
            code: RoomErrorCode::RejoinSuggested,
            message: error.public_message().into(),
        };
        self.say(kind, room, message);
    }

    async fn join_document(
        &mut self,
        room: &Text,
        auth: &[u8],
        version: &[u8],
    ) -> Result<(), NotIn> {
        let credentials = Credentials::read(auth)?;
        let version = match version {
            [] => VersionVector::default(),
            bytes => decode_version(bytes)?,
        };
        let session = self.session_of(&credentials).await?;
        let key = Room::parse(room).ok_or_else(no_document)?;
        let authority = self.state.fanout.authority();
        let permission = self.permission(&session, key).await?;
        if self.documents.len() >= MAX_ROOMS && !self.documents.contains_key(&key) {
            return Err(too_many_rooms().into());
        }
        // The lease comes first: it fences whoever wrote with this peer before, so that what the
        // room then answers is all there is of it.
        let (lease, gave_up) = self.lease(&session, key, permission, &credentials).await?;
        let leases = Leases::default();
        if let Some(lease) = lease {
            leases.add(lease);
        }
        let room = self.state.fanout.room(key);
        let (reply, joined) = oneshot::channel();
        let join = Join {
            reader: self.id,
            account_id: session.account_id,
            outbox: self.outbox.clone(),
            permission,
            only_reads: !session.scopes.allow(Scope::Write),
            version,
            leases: leases.clone(),
            lease,
            extra: extra(&session, lease, gave_up),
            reply,
        };
        self.rooms
            .lock()
            .expect("nothing panics while it is held")
            .insert(key, room.clone());
        // Noted before the room is asked: whoever is refused or cut off meanwhile leaves it.
        self.documents.insert(
            key,
            Joined {
                room: room.clone(),
                permission,
                leases,
            },
        );
        let admitted = async {
            room.join(join).await?;
            joined
                .await
                .map_err(|_| Error::new(Kind::Unavailable, "the room is closing"))?
        };
        if let Err(error) = admitted.await {
            self.leave_document(&key).await;
            self.leave_presence(&key);
            return Err(NotIn::Refused(error));
        }
        let settled = async {
            if self.presence.contains_key(&key) {
                // It was suspended with the right to the document, which the join has renewed.
                let title = self.title(key).await?;
                self.show_presence(key, session.account_id, title);
            }
            self.unless_changed(authority, &session, key, permission)
                .await
        };
        if let Err(error) = settled.await {
            self.leave_document(&key).await;
            self.leave_presence(&key);
            return Err(NotIn::PutOut(error));
        }
        Ok(())
    }

    async fn join_presence(&mut self, room: &Text, auth: &[u8]) -> Result<(), NotIn> {
        let credentials = Credentials::read(auth)?;
        let session = self.session_of(&credentials).await?;
        let key = Room::parse(room).ok_or_else(no_document)?;
        let authority = self.state.fanout.authority();
        let permission = self.permission(&session, key).await?;
        if self.presence.len() >= MAX_ROOMS && !self.presence.contains_key(&key) {
            return Err(too_many_rooms().into());
        }
        let title = self.title(key).await?;
        self.say(
            RoomKind::Ephemeral,
            room.clone(),
            Message::JoinResponseOk {
                permission,
                version: Bytes::new(),
                extra: Bytes::new(),
            },
        );
        self.presence.insert(key, Leases::default());
        self.show_presence(key, session.account_id, title);
        let settled = self.unless_changed(authority, &session, key, permission);
        if let Err(error) = settled.await {
            self.leave_presence(&key);
            return Err(NotIn::PutOut(error));
        }
        Ok(())
    }

    async fn title(&self, key: DocKey) -> Result<String> {
        let client = self.state.pool.get().await.map_err(failed("read title"))?;
        let row = client
            .query_opt(DOCUMENT_TITLE, &[&key.org_id, &key.document_id])
            .await
            .map_err(failed("read title"))?
            .ok_or_else(no_document)?;
        Ok(row.get("title"))
    }

    fn show_presence(&self, key: DocKey, account_id: Uuid, title: String) {
        let outbox = self.outbox.clone();
        self.state
            .presence
            .join(key, self.id, account_id, outbox, &title);
    }
}

fn too_many_rooms() -> Error {
    Error::new(
        Kind::Limited,
        format!("a connection may be in {MAX_ROOMS} rooms"),
    )
}

/// What a refusal counts as.
fn outcome(error: &Error) -> &'static str {
    match error.kind() {
        Kind::SignedOut => "signed_out",
        Kind::Forbidden | Kind::NotFound => "forbidden",
        Kind::Gone => "deleted",
        Kind::Limited => "limited",
        Kind::Invalid => "invalid",
        _ => "failed",
    }
}

/// What Quire says besides the protocol's own fields.
fn extra(session: &Session, lease: Option<Lease>, gave_up: Option<i32>) -> Bytes {
    let peer = lease.map(|lease| lease.peer.to_string());
    json!({
        "peer": peer,
        "schema": VERSION,
        "account_id": session.account_id,
        "name": session.name,
        "color": session.color,
        "gave_up": gave_up,
    })
    .to_string()
    .into()
}
