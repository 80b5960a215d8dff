//! Readers of a room: letting them in, bringing them up to date, and sending them away.

use std::collections::HashMap;

use bytes::Bytes;
use loro::VersionVector;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Join, SHARED_SNAPSHOT_TAIL, State};
use crate::document::live::LiveDocument;
use crate::error::{Error, Kind, Result};
use crate::fanout::outbox::Outbox;
use crate::fanout::readers::{Reader, ReaderId};
use crate::metrics::Counter;
use crate::postgres::failed;
use crate::protocol::{self, Frame, Permission, RoomErrorCode, RoomKind};

const READER_PERMISSIONS: &str = include_str!("../../../sql/reader_permissions.sql");

/// Operations in one part of what a reader lacks, and bytes if it can be: each waits in an encoding
/// of its own, which must not become as long as what was written while the reader slept.
const PART_OPERATIONS: i64 = 256 * 1024;
const PART_BYTES: usize = 1024 * 1024;
/// A snapshot of more bytes than this comes in parts: readers refuse an update of more than 16 MiB.
const WHOLE_BYTES: usize = 8 * 1024 * 1024;

pub(super) static SNAPSHOTS: Counter = Counter::new(
    "quire_snapshots_made_total",
    "Snapshots made for those who join a document from nothing; others share one.",
);

/// A snapshot in frames, shared by all who join from nothing.
pub(super) struct Shot {
    pub version: VersionVector,
    pub frames: Vec<Bytes>,
}

/// What a reader lacks.
#[derive(Default)]
struct Missing {
    frames: Vec<Bytes>,
    /// Where the frames lead, when not to the end.
    reached: Option<VersionVector>,
}

impl State {
    pub(super) async fn join(&mut self, join: Join) {
        if let Some(lease) = join.lease {
            let known = self.version.get(&lease.peer).copied().unwrap_or(0);
            // The lease saw edits that the feed has not brought yet; the tables have them.
            self.must_read |= known < lease.next_counter;
        }
        // So does whoever comes from a server that has heard more than this one. What it writes
        // builds on that.
        let own = join.lease.map(|lease| lease.peer);
        self.must_read |= join.version.iter().any(|(peer, counter)| {
            Some(*peer) != own && self.version.get(peer).is_none_or(|known| known < counter)
        });
        self.mend().await;
        let Join {
            reader,
            account_id,
            outbox,
            permission,
            only_reads,
            version,
            leases,
            extra,
            reply,
            ..
        } = join;
        let missing = match self.missing(&version) {
            Ok(missing) if !self.must_read && !self.must_rebuild => missing,
            Ok(_) => {
                let error = Error::new(Kind::Unavailable, "the document cannot be read just now");
                return drop(reply.send(Err(error)));
            }
            Err(error) => return drop(reply.send(Err(error))),
        };
        self.answer(
            &outbox,
            protocol::Message::JoinResponseOk {
                permission,
                version: self.version.encode().into(),
                extra,
            },
        );
        let behind = self.send_missing(&outbox, missing, version);
        self.readers.all.insert(
            reader,
            Reader {
                account_id,
                permission,
                only_reads,
                outbox,
                leases,
                behind,
            },
        );
        // Whoever asked may be gone; then it leaves as well.
        let _ = reply.send(Ok(()));
    }

    /// Sends away whose right is not what it was at the join, if that must be looked up.
    pub(super) async fn recheck(&mut self) {
        if !self.must_recheck {
            return;
        }
        let accounts: Vec<Uuid> = self.readers.all.values().map(|r| r.account_id).collect();
        if accounts.is_empty() {
            self.must_recheck = false;
            return;
        }
        match Box::pin(self.permissions(&accounts)).await {
            Ok(now) => {
                self.must_recheck = false;
                self.send_away(
                    |reader| reader.has_changed(now.get(&reader.account_id).copied()),
                    RoomErrorCode::RejoinSuggested,
                    "your rights changed; join again",
                );
            }
            // A server that cannot ask for long closes all connections.
            Err(error) => {
                tracing::warn!(document_id = %self.key.document_id, %error, "look up readers' rights; trying again");
            }
        }
    }

    async fn permissions(&self, accounts: &[Uuid]) -> Result<HashMap<Uuid, Permission>> {
        let client = self
            .shared
            .pool
            .get()
            .await
            .map_err(failed("look up rights"))?;
        let rows = client
            .query(
                READER_PERMISSIONS,
                &[&self.key.org_id, &self.key.document_id, &accounts],
            )
            .await
            .map_err(failed("look up rights"))?;
        let permission = |row: &Row| match row.get("permission") {
            "write" => Some(Permission::Write),
            "read" => Some(Permission::Read),
            _ => None,
        };
        let known = rows
            .iter()
            .filter_map(|row| Some((row.get("account_id"), permission(row)?)));
        Ok(known.collect())
    }

    fn answer(&self, outbox: &Outbox, message: protocol::Message) {
        let frame = Frame {
            kind: RoomKind::Document,
            room: self.name.clone(),
            message,
        };
        match protocol::encode(&frame) {
            Ok(bytes) => outbox.answer(bytes),
            Err(error) => {
                tracing::error!(document_id = %self.key.document_id, %error, "encode answer");
            }
        }
    }

    pub(super) fn catch_up(&mut self, id: ReaderId) {
        let Some(reader) = self.readers.all.get_mut(&id) else {
            return;
        };
        let Some(version) = reader.behind.take() else {
            return;
        };
        let outbox = reader.outbox.clone();
        match self.missing(&version) {
            Ok(missing) => {
                let behind = self.send_missing(&outbox, missing, version);
                if let Some(reader) = self.readers.all.get_mut(&id) {
                    reader.behind = behind;
                }
            }
            Err(error) => {
                tracing::error!(document_id = %self.key.document_id, %error, "bring a slow reader up to date");
                self.send_away_one(id, RoomErrorCode::RejoinSuggested, "join again");
            }
        }
    }

    /// Answers from where on the reader is behind, if it is.
    fn send_missing(
        &self,
        outbox: &Outbox,
        missing: Missing,
        version: VersionVector,
    ) -> Option<VersionVector> {
        if !outbox.update(&self.key, &missing.frames) {
            return Some(version);
        }
        if missing.reached.is_some() {
            outbox.more(&self.key);
        }
        missing.reached
    }

    /// What somebody at `version` lacks, or the first part of it.
    fn missing(&mut self, version: &VersionVector) -> Result<Missing> {
        if version.is_empty()
            && !self.is_long
            && let Some(frames) = self.frames_from_nothing()?
        {
            return Ok(Missing {
                frames,
                reached: None,
            });
        }
        if self.version <= *version {
            return Ok(Missing::default());
        }
        let live = &self.live;
        let (update, reached) = tokio::task::block_in_place(|| part(live, version))?;
        let frames = self.encode(&[update])?;
        Ok(Missing { frames, reached })
    }

    /// A snapshot, shared with the joiners before and after, and what was edited since it. None: it would be
    /// longer than an update may be, so that the document must come in parts.
    fn frames_from_nothing(&mut self) -> Result<Option<Vec<Bytes>>> {
        if let Some(shot) = &self.shot {
            if shot.version == self.version {
                return Ok(Some(shot.frames.clone()));
            }
            let live = &self.live;
            let since = tokio::task::block_in_place(|| live.export_from(&shot.version))?;
            if since.len() <= SHARED_SNAPSHOT_TAIL {
                let mut frames = shot.frames.clone();
                frames.extend(self.encode(&[since])?);
                return Ok(Some(frames));
            }
        }
        SNAPSHOTS.increment();
        let live = &self.live;
        let snapshot = tokio::task::block_in_place(|| live.snapshot())?;
        if snapshot.len() > WHOLE_BYTES {
            (self.is_long, self.shot) = (true, None);
            return Ok(None);
        }
        let frames = self.encode(&[snapshot])?;
        self.shot = Some(Shot {
            version: self.version.clone(),
            frames: frames.clone(),
        });
        Ok(Some(frames))
    }

    pub(super) fn send_away(
        &mut self,
        who: impl Fn(&Reader) -> bool,
        code: RoomErrorCode,
        message: &str,
    ) {
        let ids: Vec<ReaderId> = self
            .readers
            .all
            .iter()
            .filter(|(_, reader)| who(reader))
            .map(|(&id, _)| id)
            .collect();
        for id in ids {
            self.send_away_one(id, code, message);
        }
    }

    pub(super) fn send_away_one(&mut self, id: ReaderId, code: RoomErrorCode, message: &str) {
        if let Some(reader) = self.readers.all.remove(&id) {
            let message = message.into();
            self.answer(
                &reader.outbox,
                protocol::Message::RoomError { code, message },
            );
        }
    }
}

/// The next part of what somebody at `version` lacks, and where it leads when not to the end.
fn part(live: &LiveDocument, version: &VersionVector) -> Result<(Vec<u8>, Option<VersionVector>)> {
    let mut operations = PART_OPERATIONS;
    loop {
        let reached = live.step(version, operations)?;
        let update = match &reached {
            None => Some(live.export_from(version)?),
            Some(reached) => live.export_between(version, reached)?,
        };
        let update = update.unwrap_or_default();
        if update.len() <= PART_BYTES || operations == 1 {
            return Ok((update, reached));
        }
        operations = (operations / 4).max(1);
    }
}
