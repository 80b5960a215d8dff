//! What the feed did not bring: reading the tables again, and building a broken copy anew.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use loro::VersionVector;

use super::{Fresh, PUT_BACK, REBUILT, State};
use crate::change::Transaction;
use crate::commit::{Lost, put_back};
use crate::document::load::{self, Loaded, Position, TailEdit, is_in};
use crate::document::pieces::{Piece, pieces_beyond};
use crate::document::trial::DocKey;
use crate::error::Result;
use crate::protocol::RoomErrorCode;

impl State {
    /// Reads from the tables what the feed could not bring, and builds a broken copy anew.
    pub(super) async fn mend(&mut self) {
        if self.must_rebuild {
            // Apart, as all that is rare: an idle room would keep the memory that it takes.
            match Box::pin(self.rebuild()).await {
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(document_id = %self.key.document_id, %error, "rebuild document; trying again");
                }
            }
        } else if self.must_read {
            let read = load::read_tail(&self.shared.pool, self.key, self.position.xmin());
            match Box::pin(read).await {
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
        self.authors.extend(load::authors(&tail));
        for edit in &tail {
            if is_in(&self.version, edit) || self.set_aside.contains(&edit.edit_id) {
                continue;
            }
            if edit.edit_id == load::FOLDED {
                // Edits that this server never heard of, and their rows are gone: a rare way to fall behind.
                tracing::info!(document_id = %self.key.document_id, "edits that this server has not heard of were folded; the document is read anew");
                self.must_rebuild = true;
                return;
            }
            self.tell_trial(&edit.update);
            self.import(edit.edit_id, &edit.update);
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

    async fn load(&mut self) -> Result<(Loaded, Vec<Arc<Transaction>>)> {
        let load = load::load(
            &self.shared.pool,
            self.key,
            self.shared.system_identifier(),
            &mut self.set_aside,
        );
        let (org_id, document_id) = (self.key.org_id, self.key.document_id);
        self.shared.feed.reading(org_id, document_id, load).await
    }

    /// Writes again what this copy holds and the tables, which have `version`, have lost: it came out
    /// of the log, so it was committed. Says how many edits that were.
    async fn put_back(&self, version: &VersionVector) -> Result<usize> {
        if self.live.is_poisoned() {
            return Ok(0);
        }
        let live = &self.live;
        let pieces = tokio::task::block_in_place(|| live.read(|doc| pieces_beyond(doc, version)))?;
        let peers: BTreeSet<u64> = pieces.iter().map(|piece| piece.peer).collect();
        if peers.is_empty() {
            return Ok(0);
        }
        let authors: Vec<_> = peers
            .into_iter()
            .map(|peer| (peer, self.authors.get(&peer).copied()))
            .collect();
        let choose = |next: &HashMap<u64, i32>| {
            let chosen = choose(&pieces, version, next);
            let export = |piece: &Piece| {
                let update = live.export_range(piece.peer, piece.counters.clone())?;
                Ok(Lost {
                    peer: piece.peer,
                    counters: piece.counters.clone(),
                    update,
                })
            };
            tokio::task::block_in_place(|| chosen.into_iter().map(export).collect())
        };
        let DocKey {
            org_id,
            document_id,
        } = self.key;
        let count = put_back(&self.shared.pool, org_id, document_id, &authors, choose).await?;
        PUT_BACK.add(count as u64);
        if count > 0 {
            tracing::warn!(%document_id, edits = count, "the log has lost edits that this server holds; they are written again");
        }
        Ok(count)
    }

    /// Builds the copy anew from the tables. Readers whose copy holds more, or other things, join
    /// again and send what is theirs.
    async fn rebuild(&mut self) -> Result<()> {
        REBUILT.increment();
        let era = self.shared.pool.lineage().era();
        if self.is_from_edits {
            load::remove_snapshot(&self.shared.pool, self.key).await?;
        }
        let (mut loaded, mut recent) = self.load().await?;
        if self.must_put_back && self.put_back(&loaded.live.version()?).await? > 0 {
            (loaded, recent) = self.load().await?;
        }
        self.must_put_back = false;
        self.authors.extend(loaded.authors);
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

/// Those of the pieces that can become rows: which follow what their peer has, and build on nothing
/// that is not there. `next` says where the peers go on whose authors may still write.
fn choose<'a>(
    pieces: &'a [Piece],
    version: &VersionVector,
    next: &HashMap<u64, i32>,
) -> Vec<&'a Piece> {
    let mut has = version.clone();
    // What was put back, or sent again, since the tables were read.
    for (peer, counter) in next {
        if has.get(peer).is_none_or(|known| known < counter) {
            has.insert(*peer, *counter);
        }
    }
    let mut chosen = Vec::new();
    for piece in pieces {
        let follows = has.get(&piece.peer).copied().unwrap_or(0) == piece.counters.start;
        if next.contains_key(&piece.peer) && follows && piece.fits(&has) {
            has.insert(piece.peer, piece.counters.end);
            chosen.push(piece);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::pieces::pieces_beyond;
    use loro::LoroDoc;

    /// Three people who write in turns, each on what the one before has written.
    fn in_turns() -> Vec<Piece> {
        let document = LoroDoc::new();
        for peer in [1, 2, 3, 1] {
            document.set_peer_id(peer).expect("a peer");
            let text = document.get_text("text");
            text.insert(0, "word ").expect("inserted");
            document.commit();
        }
        pieces_beyond(&document, &VersionVector::default())
    }

    fn chosen(next: &[(u64, i32)]) -> Vec<(u64, i32)> {
        let pieces = in_turns();
        let next = next.iter().copied().collect();
        let chosen = choose(&pieces, &VersionVector::default(), &next);
        chosen.iter().map(|p| (p.peer, p.counters.start)).collect()
    }

    #[test]
    fn everything_is_written_again_behind_what_it_builds_on() {
        let all = [(1, 0), (2, 0), (3, 0), (1, 5)];
        assert_eq!(chosen(&[(1, 0), (2, 0), (3, 0)]), all);
    }

    #[test]
    fn what_builds_on_somebody_who_may_not_write_any_more_is_left_out() {
        assert_eq!(chosen(&[(1, 0), (3, 0)]), [(1, 0)]);
    }

    #[test]
    fn what_another_server_has_written_again_is_not_written_twice() {
        assert_eq!(chosen(&[(1, 10), (2, 5), (3, 0)]), [(3, 0)]);
        assert!(
            chosen(&[(1, 3), (2, 0), (3, 0)]).is_empty(),
            "in the middle"
        );
    }
}
