//! The readers of one room: who is sent what, and who is behind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use loro::VersionVector;
use uuid::Uuid;

use super::outbox::Outbox;
use crate::commit::lease::Lease;
use crate::document::trial::DocKey;
use crate::protocol::Permission;

/// One connection, unique in this process.
pub type ReaderId = u64;

/// The leases that one reader holds in one room, shared by its connection and the room.
#[derive(Clone, Default)]
pub struct Leases(Arc<Mutex<Vec<Lease>>>);

impl Leases {
    /// The lease on a peer.
    pub fn of(&self, peer: u64) -> Option<Lease> {
        self.lock().iter().find(|lease| lease.peer == peer).copied()
    }

    /// Adds a lease; an older one on the same peer is replaced.
    pub fn add(&self, lease: Lease) {
        let mut leases = self.lock();
        leases.retain(|held| held.peer != lease.peer);
        leases.push(lease);
    }

    /// Whether there is none: the client never asked for one and has written nothing.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Takes all of them, to give them back.
    pub fn take(&self) -> Vec<Lease> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Lease>> {
        self.0
            .lock()
            .expect("no code panics while it holds the leases")
    }
}

/// Somebody who is sent what the room takes in.
pub(super) struct Reader {
    pub account_id: Uuid,
    /// What it may do, as it was told at the join.
    pub permission: Permission,
    /// Whether its session only reads, whatever its account may.
    pub only_reads: bool,
    pub outbox: Outbox,
    pub leases: Leases,
    /// What the reader has, when more than that was not kept for it.
    pub behind: Option<VersionVector>,
}

impl Reader {
    /// Whether it may do something else than it was told, now that its account may do this.
    pub fn has_changed(&self, account: Option<Permission>) -> bool {
        let now = account.map(|permission| match self.only_reads {
            true => Permission::Read,
            false => permission,
        });
        now != Some(self.permission)
    }
}

/// Updates of one origin, encoded once for all.
pub(super) struct Run {
    pub peer: u64,
    pub frames: Vec<Bytes>,
}

/// All readers of one room.
#[derive(Default)]
pub(super) struct Readers {
    pub all: HashMap<ReaderId, Reader>,
}

impl Readers {
    /// Sends the runs to everybody but their authors, and answers how many that were. Whoever cannot take
    /// them is behind from `before` on, the version of the room before them.
    pub fn send(
        &mut self,
        room: &DocKey,
        runs: &[Run],
        before: impl Fn() -> VersionVector,
    ) -> usize {
        let mut sent = 0;
        for reader in self.all.values_mut().filter(|r| r.behind.is_none()) {
            let frames: Vec<Bytes> = runs
                .iter()
                .filter(|run| reader.leases.of(run.peer).is_none())
                .flat_map(|run| run.frames.iter().cloned())
                .collect();
            if frames.is_empty() {
                continue;
            }
            match reader.outbox.update(room, &frames) {
                true => sent += 1,
                false => reader.behind = Some(before()),
            }
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::fanout::outbox::Next;

    fn reader(outbox: Outbox, permission: Permission, only_reads: bool) -> Reader {
        Reader {
            account_id: Uuid::nil(),
            permission,
            only_reads,
            outbox,
            leases: Leases::default(),
            behind: None,
        }
    }

    #[tokio::test]
    async fn however_many_read_an_update_is_encoded_once() {
        let mut readers = Readers::default();
        for id in 0..100 {
            let outbox = Outbox::new(1_000);
            readers
                .all
                .insert(id, reader(outbox, Permission::Read, false));
        }
        let run = Run {
            peer: 1,
            frames: vec![Bytes::from(vec![7; 10])],
        };
        readers.send(&DocKey::BEFORE_ALL, &[run], VersionVector::default);
        let mut places = HashSet::new();
        for reader in readers.all.values() {
            let Next::Frames(frames) = reader.outbox.next().await else {
                panic!("no frames")
            };
            assert_eq!(frames, [vec![7; 10]]);
            places.insert(frames[0].as_ptr());
        }
        assert_eq!(places.len(), 1, "they share it");
    }

    #[test]
    fn a_session_that_only_reads_stays_while_its_account_may_write() {
        for (only_reads, told, account, has_changed) in [
            (false, Permission::Write, Some(Permission::Write), false),
            (false, Permission::Write, Some(Permission::Read), true),
            (false, Permission::Read, Some(Permission::Write), true),
            (true, Permission::Read, Some(Permission::Write), false),
            (true, Permission::Read, Some(Permission::Read), false),
            (true, Permission::Read, None, true),
        ] {
            let reader = reader(Outbox::new(0), told, only_reads);
            let case = format!("{only_reads} {told:?} {account:?}");
            assert_eq!(reader.has_changed(account), has_changed, "{case}");
        }
    }
}
