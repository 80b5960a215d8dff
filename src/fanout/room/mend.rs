//! What the feed did not bring: reading the tables again, and building a broken copy anew.

use loro::VersionVector;

use super::{Fresh, REBUILT, State};
use crate::document::load::{self, Position, TailEdit, is_in};
use crate::error::Result;
use crate::protocol::RoomErrorCode;

impl State {
    /// Reads from the tables what the feed could not bring, and builds a broken copy anew.
    pub(super) async fn mend(&mut self) {
        if self.must_rebuild {
            match self.rebuild().await {
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(document_id = %self.key.document_id, %error, "rebuild document; trying again");
                }
            }
        } else if self.must_read {
            match load::read_tail(&self.shared.pool, self.key, self.position.xmin()).await {
                Ok((tail, position)) => {
                    self.take_tail(tail, position);
                    self.must_read = false;
                }
                Err(error) => {
                    tracing::warn!(document_id = %self.key.document_id, %error, "read document again; trying again");
                }
            }
        }
    }

    /// Takes in rows of the tables, and shows what was new to everybody.
    pub(super) fn take_tail(&mut self, tail: Vec<TailEdit>, position: Position) {
        // An earlier reading, for a fold, may come after a later one: it takes nothing back.
        self.reaches = self.reaches.max(position.reaches);
        self.position = position;
        let before = self.version.clone();
        for edit in &tail {
            if !is_in(&self.version, edit) && !self.set_aside.contains(&edit.edit_id) {
                self.tell_trial(&edit.update);
                self.import(edit.edit_id, &edit.update);
            }
        }
        self.show_since(&before);
        // A row may come before what it builds on: only now it shows what is still missing.
        self.hangs = self.hangs && load::hangs(&self.version, &tail, &self.set_aside);
    }

    fn show_since(&mut self, before: &VersionVector) {
        let Ok(version) = self.live.version() else {
            return;
        };
        self.version = version;
        if self.version == *before {
            return;
        }
        self.is_uncompared = true;
        let shown = self
            .live
            .export_from(before)
            .and_then(|update| self.encode(&[update]));
        match shown {
            // The author is not left out: it may have joined after its edit was on its way.
            Ok(frames) => {
                for reader in self.readers.all.values_mut() {
                    if reader.behind.is_none() && !reader.outbox.update(&self.key, &frames) {
                        reader.behind = Some(before.clone());
                    }
                }
            }
            Err(error) => {
                tracing::error!(document_id = %self.key.document_id, %error, "show what the tables had");
            }
        }
    }

    /// Builds the copy anew from the tables. Readers whose copy holds more, or other things, join
    /// again and send what is theirs.
    async fn rebuild(&mut self) -> Result<()> {
        REBUILT.increment();
        let era = self.shared.pool.lineage().era();
        if self.is_from_edits {
            load::remove_snapshot(&self.shared.pool, self.key).await?;
        }
        let load = load::load(
            &self.shared.pool,
            self.key,
            self.shared.system_identifier(),
            &mut self.set_aside,
        );
        let (org_id, document_id) = (self.key.org_id, self.key.document_id);
        let (loaded, recent) = self.shared.feed.reading(org_id, document_id, load).await?;
        self.version = loaded.live.version()?;
        (self.live, self.hangs, self.era) = (loaded.live, loaded.hangs, era);
        self.reaches = loaded.position.reaches;
        self.position = loaded.position;
        (self.is_uncompared, self.is_from_edits) = (true, false);
        self.snapshot_bytes = loaded.snapshot_bytes;
        (self.tail_edits, self.tail_bytes) = (loaded.tail_edits, loaded.tail_bytes);
        self.shot = None;
        self.shared.trial.forget(self.key);
        (self.must_rebuild, self.must_read) = (false, false);
        let mut fresh = Fresh::default();
        for transaction in recent {
            for change in &transaction.changes {
                self.take(change, &mut fresh);
            }
        }
        self.send_away(
            |_| true,
            RoomErrorCode::RejoinSuggested,
            "the document was read anew; join again",
        );
        Ok(())
    }
}
