//! When a room's tail becomes a stored snapshot.

use bytes::Bytes;

use super::{FOLD_EVERY, Message, State};
use crate::document::fold;
use crate::document::load::{self, Position, TailEdit};
use crate::document::trial::DocKey;
use crate::fanout::Shared;

impl State {
    /// Has the tail read in the background; the copy itself is folded when it is there.
    pub(super) fn fold_if_due(&mut self) {
        let is_due = fold::is_due(self.tail_bytes, self.tail_edits, self.snapshot_bytes);
        if !is_due || self.is_folding || self.last_fold.elapsed() < FOLD_EVERY {
            return;
        }
        let Some(room) = self.room.upgrade() else {
            return;
        };
        let messages = room.messages.downgrade();
        drop(room);
        self.is_folding = true;
        let (pool, key, xmin) = (
            self.shared.pool.clone(),
            self.key,
            self.position.xmin().to_owned(),
        );
        self.shared.background(async move {
            let read = match load::read_tail(&pool, key, &xmin).await {
                Ok(read) => Some(read),
                Err(error) => {
                    tracing::warn!(document_id = %key.document_id, %error, "read tail to fold it; later");
                    None
                }
            };
            if let Some(messages) = messages.upgrade() {
                // A room that is gone folds on its way out.
                let _ = messages.send(Message::Fold(read)).await;
            }
        });
    }

    pub(super) fn fold(&mut self, read: Option<(Vec<TailEdit>, Position)>) {
        self.is_folding = false;
        self.last_fold = tokio::time::Instant::now();
        let Some((tail, position)) = read.filter(|(tail, _)| !tail.is_empty()) else {
            return;
        };
        self.take_tail(tail, position);
        // A snapshot has no place for what waits, and would claim to have seen it.
        if self.hangs || self.must_rebuild {
            return;
        }
        let live = &self.live;
        let Ok(snapshot) = tokio::task::block_in_place(|| live.fold()) else {
            return;
        };
        let snapshot = Bytes::from(snapshot);
        self.snapshot_bytes = snapshot.len();
        (self.tail_edits, self.tail_bytes) = (0, 0);
        let (shared, key, era) = (self.shared.clone(), self.key, self.era);
        let position = self.position.clone();
        self.shared
            .background(async move { store(&shared, key, era, &position, &snapshot).await });
    }

    /// The room is closed: what is worth it is folded.
    pub(super) async fn unload(&mut self) {
        self.shared.trial.forget(self.key);
        if !fold::is_due_at_unload(self.tail_bytes, self.snapshot_bytes) || self.must_rebuild {
            return;
        }
        let Ok((tail, position)) =
            load::read_tail(&self.shared.pool, self.key, self.position.xmin()).await
        else {
            return;
        };
        self.take_tail(tail, position.clone());
        if self.hangs || self.must_rebuild {
            return;
        }
        let live = &self.live;
        if let Ok(snapshot) = tokio::task::block_in_place(|| live.fold()) {
            store(
                &self.shared,
                self.key,
                self.era,
                &position,
                &snapshot.into(),
            )
            .await;
        }
    }
}

async fn store(shared: &Shared, key: DocKey, era: u64, position: &Position, snapshot: &Bytes) {
    let identifier = shared.system_identifier();
    let stored = fold::store(&shared.pool, key, era, position, identifier, snapshot).await;
    if let Err(error) = stored {
        tracing::warn!(document_id = %key.document_id, %error, "store snapshot; it stays a tail");
    }
}
