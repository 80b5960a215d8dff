//! What a room took in, encoded once for all who read.

use std::collections::HashMap;

use bytes::Bytes;

use super::State;
use crate::error::Result;
use crate::fanout::readers::Run;
use crate::protocol::{BatchId, RoomKind, encode_updates};
use crate::traces::Span;

/// Bytes of updates handed to an outbox at once; an empty one takes them whatever its bound. A single
/// update may be longer.
const SHOWN_TOGETHER: usize = 512 * 1024;

/// What was taken in and not shown yet.
#[derive(Default)]
pub(super) struct Fresh {
    pub updates: Vec<(u64, Bytes)>,
    /// Where each peer stood before.
    pub before: HashMap<u64, i32>,
    /// End when it is shown.
    pub spans: Vec<Span>,
}

impl State {
    /// Sends what was taken in to the readers.
    pub(super) fn show(&mut self, mut fresh: Fresh) {
        let shown = match self.readers.all.is_empty() {
            true => 0,
            false => self.show_all(&fresh),
        };
        for span in &mut fresh.spans {
            span.set("quire.document_id", self.key.document_id);
            span.set("quire.connections", shown);
        }
    }

    /// Answers how many readers were sent something.
    fn show_all(&mut self, fresh: &Fresh) -> usize {
        let mut shown = 0;
        let mut rest = &fresh.updates[..];
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest.iter().take_while(|(_, update)| {
                bytes += update.len();
                bytes <= SHOWN_TOGETHER
            });
            let (part, others) = rest.split_at(fitting.count().max(1));
            shown = shown.max(self.show_part(part, &fresh.before));
            rest = others;
        }
        shown
    }

    /// Each run of one author is encoded once for all.
    fn show_part(&mut self, updates: &[(u64, Bytes)], before: &HashMap<u64, i32>) -> usize {
        let mut runs = Vec::new();
        for run in updates.chunk_by(|a, b| a.0 == b.0) {
            let updates: Vec<&Bytes> = run.iter().map(|(_, update)| update).collect();
            match self.encode(&updates) {
                Ok(frames) => runs.push(Run {
                    peer: run[0].0,
                    frames,
                }),
                Err(error) => {
                    tracing::error!(document_id = %self.key.document_id, %error, "encode updates for readers");
                }
            }
        }
        let version = &self.version;
        self.readers.send(&self.key, &runs, || {
            let mut before_all = version.clone();
            for (&peer, &counter) in before {
                before_all.insert(peer, counter);
            }
            before_all
        })
    }

    pub(super) fn encode<U: AsRef<[u8]>>(&mut self, updates: &[U]) -> Result<Vec<Bytes>> {
        let next_batch = &mut self.next_batch;
        encode_updates(RoomKind::Document, &self.name, updates, |_| {
            *next_batch += 1;
            BatchId::from(*next_batch)
        })
    }
}
