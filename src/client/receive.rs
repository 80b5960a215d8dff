//! What a client does about each message that it receives. No I/O.

use std::ops::Range;
use std::time::Instant;

use bytes::Bytes;
use loro::VersionVector;
use serde::Deserialize;

use super::outbox::Waiting;
use super::state::State;
use super::{Address, Event, Options};
use crate::error::{Error, Kind, Result};
use crate::protocol::{
    AckStatus, BatchId, Frame, JoinErrorCode, Message, RoomErrorCode, RoomKind, Text, decode,
};

/// Refusals in a row, without any ack between them, after which the client gives up.
const MOST_REFUSALS: u32 = 5;

/// Quire's code for a document whose organisation is served elsewhere.
const MOVED: &str = "moved";

/// What Quire adds to the answer to a join.
#[derive(Deserialize)]
struct Extra {
    /// None for whoever may only read.
    peer: Option<String>,
    /// Where the peer ends that was given up; absent: none was, or the server knows nothing of it.
    gave_up: Option<i32>,
}

impl State {
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
                if app_code.as_deref() == Some(MOVED) {
                    return Err(self.go_to(&message));
                }
                let kind = match code {
                    JoinErrorCode::AuthFailed => Kind::Forbidden,
                    JoinErrorCode::AppError => app_kind(app_code.as_deref()),
                    _ => Kind::Unavailable,
                };
                Err(Error::new(kind, format!("join refused: {message}")))
            }
            (RoomKind::Document, Message::DocUpdate { updates, .. }) => {
                self.import(&updates.iter().collect::<Vec<_>>())
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
                Some(update) if kind == RoomKind::Document => self.import(&[update]),
                Some(update) => self.apply(&update),
                None => Ok(()),
            },
            (RoomKind::Document, Message::Ack { batch, status }) => self.on_ack(batch, status),
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
        if let Some(again) = &mut self.again {
            // What others have brought back meanwhile stands there already.
            again.from = again.from.max(extra.gave_up.unwrap_or(0));
        }
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
        self.look_for_losses(&version);
        let durable = peer.and_then(|peer| version.get(&peer).copied());
        self.join_version = Some(version);
        self.is_joined = true;
        (self.options.observer)(Event::Joined {
            address,
            peer,
            durable: durable.unwrap_or(0),
        });
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
        // A server that put back what was lost cuts it in its own way.
        if let Some(begun) = self.outbox.take_begun(durable) {
            self.push_again(peer, durable..begun.counter_end)?;
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
        self.push_again(peer, durable..first)
    }

    /// Puts operations of this client before all others that wait.
    fn push_again(&mut self, peer: u64, counters: Range<i32>) -> Result<()> {
        for piece in self.pieces_again(peer, counters)?.into_iter().rev() {
            self.outbox.push_front(piece);
        }
        Ok(())
    }

    fn on_ack(&mut self, batch: BatchId, status: AckStatus) -> Result<()> {
        if status == AckStatus::Ok {
            self.refusals = 0;
            for waiting in self.outbox.acknowledge(batch) {
                if let Some(peer) = self.lease {
                    self.server_version.insert(peer, waiting.counter_end);
                }
                acknowledged(&mut self.options, &waiting);
            }
            return Ok(());
        }
        (self.options.observer)(Event::Refused(status));
        // What was refused before the last join was settled by it, and the room error that follows
        // asks for nothing more.
        self.skips_error = !self.outbox.is_under_way(batch);
        if self.skips_error {
            return Ok(());
        }
        // One refusal, however many batches were under way: the connection ends, and a later one
        // sends all of it again.
        self.refusals += u32::from(is_of_update(status));
        let text = format!("an update was refused: {status:?}");
        let kind = match self.refusals {
            ..MOST_REFUSALS => Kind::Unavailable,
            _ => Kind::Invalid,
        };
        Err(Error::new(kind, text))
    }

    fn on_room_error(&mut self, code: RoomErrorCode, message: &Text) -> Result<()> {
        let skips = std::mem::take(&mut self.skips_error);
        match code {
            RoomErrorCode::RejoinSuggested if skips => Ok(()),
            RoomErrorCode::RejoinSuggested => {
                self.is_joined = false;
                self.join_again()
            }
            RoomErrorCode::Evicted => Err(Error::new(Kind::Forbidden, message.as_str())),
            RoomErrorCode::AppError if message.starts_with(MOVED) => Err(self.go_to(message)),
            RoomErrorCode::AppError => Err(Error::new(app_kind(Some(message)), message.as_str())),
        }
    }

    /// The organisation is served at the addresses in these words: they are tried first from now on. The
    /// former ones stay, because a move may be given up.
    fn go_to(&mut self, says: &str) -> Error {
        let words = says.split_whitespace();
        let mut addresses: Vec<Address> =
            words.filter_map(|word| Address::parse(word).ok()).collect();
        let former = std::mem::take(&mut self.options.addresses);
        let others = former
            .into_iter()
            .filter(|known| !addresses.contains(known));
        let others: Vec<_> = others.collect();
        addresses.extend(others);
        self.options.addresses = addresses;
        self.begins_anew = true;
        Error::new(Kind::Unavailable, says)
    }

    /// What came together is taken in together: where much was written at the same time, each import costs
    /// as much as all of it.
    fn import(&mut self, updates: &[Bytes]) -> Result<()> {
        let imported = match updates {
            [update] => self.doc.import(update),
            _ => {
                let updates: Vec<Vec<u8>> = updates.iter().map(|update| update.to_vec()).collect();
                self.doc.import_batch(&updates)
            }
        };
        let status =
            imported.map_err(|error| Error::caused(Kind::Internal, "import an update", error))?;
        if let Some(pending) = status.pending {
            let text = format!("an update came before what it builds on: {pending:?}");
            return Err(Error::new(Kind::Internal, text));
        }
        for update in updates {
            self.note_server_has(update);
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
}

/// What Quire's own codes ask for; they stand in PROTOCOL.md.
fn app_kind(code: Option<&str>) -> Kind {
    match code {
        Some("document_deleted") => Kind::Gone,
        Some("document_unavailable") => Kind::Unavailable,
        _ => Kind::Invalid,
    }
}

/// Whether a refusal says something about the update; others say that the server cannot just now.
fn is_of_update(status: AckStatus) -> bool {
    matches!(
        status,
        AckStatus::InvalidUpdate | AckStatus::PermissionDenied | AckStatus::PayloadTooLarge
    )
}

fn acknowledged(options: &mut Options, waiting: &Waiting) {
    (options.observer)(Event::Acknowledged {
        counter_end: waiting.counter_end,
        made_at: waiting.made_at,
        at: Instant::now(),
    });
}
