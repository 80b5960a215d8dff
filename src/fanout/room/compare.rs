//! Which version a room held at a position of the log, if it can tell.

use sha2::{Digest as _, Sha256};

use super::State;
use crate::fanout::compare::{Answer, Digest, Question};

impl State {
    /// Says nothing unless the copy is exactly what was committed up to that position: one that lacks
    /// something is about to be mended, and one that read the tables may hold more.
    pub(super) fn compare(&mut self, question: Question) {
        if self.must_read || self.must_rebuild || self.hangs || question.position < self.reaches {
            return;
        }
        let Ok(digest) = self.digest() else { return };
        let answer = Answer {
            probe_id: question.probe_id,
            document: self.key,
            digest,
        };
        // When too many answers wait, this one is given another time.
        if question.answers.try_send(answer).is_ok() {
            self.is_uncompared = false;
        }
    }

    /// Of the copy itself, not of what the room believes that it holds.
    fn digest(&self) -> crate::error::Result<Digest> {
        let version = self.live.version()?;
        let mut counters: Vec<(u64, i32)> = version
            .iter()
            .map(|(peer, counter)| (*peer, *counter))
            .filter(|(_, counter)| *counter > 0)
            .collect();
        counters.sort_unstable();
        let mut hash = Sha256::new();
        for (peer, counter) in counters {
            hash.update(peer.to_be_bytes());
            hash.update(counter.to_be_bytes());
        }
        let hash: [u8; 32] = hash.finalize().into();
        Ok(std::array::from_fn(|place| hash[place]))
    }
}
