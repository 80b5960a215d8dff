//! Types one author's part of a history through its client.

use std::time::Duration;

use bytes::Bytes;
use loro::{ExportMode, LoroDoc};
use tokio::time::{Instant, sleep_until};

use super::copy::Copy;
use super::journal::Journal;
use super::trace::{Edit, Trace};
use crate::client::Client;
use crate::document::model::BODY;
use crate::error::{Error, Kind, Result};

/// Edits that are made at a time, so that the client is woken once for them.
const MOST_AT_ONCE: usize = 64;

/// When edits are to be made.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// When the first one is.
    pub start: Instant,
    /// From one to the next, whoever makes it; none: as fast as they are acknowledged.
    pub pause: Option<Duration>,
}

impl Pace {
    fn due(&self, edit: usize) -> Option<Instant> {
        Some(self.start + self.pause?.mul_f64(edit as f64))
    }

    fn is_due(&self, edit: usize) -> bool {
        self.due(edit).is_none_or(|due| due <= Instant::now())
    }
}

/// One author at work.
pub struct Writer<'a> {
    pub trace: &'a Trace,
    pub journal: &'a Journal,
    pub client: &'a Client,
    pub pace: Pace,
    pub author: usize,
}

impl Writer<'_> {
    /// Makes every edit of this author. Returns when all are made, not yet acknowledged.
    ///
    /// # Errors
    /// What ends the client; `Internal` when a copy is not as the history says.
    pub async fn write(&self) -> Result<()> {
        // One author knows only its own edits: its client's document is as it should be.
        let copy = match self.trace.authors {
            1 => None,
            _ => Some(self.copy()?),
        };
        let mine = self
            .trace
            .edits
            .iter()
            .enumerate()
            .filter(|(_, edit)| edit.author == self.author);
        let mine: Vec<(usize, &Edit)> = mine.collect();
        let mut next = 0;
        while next < mine.len() {
            let (index, _) = mine[next];
            if let Some(due) = self.pace.due(index) {
                sleep_until(due).await;
            }
            self.client.ready().await?;
            if let Some(copy) = &copy {
                self.learn(copy, index).await?;
            }
            let most = self.client.room_for().clamp(1, MOST_AT_ONCE);
            let count = mine[next..]
                .iter()
                .take(most)
                .take_while(|(other, _)| {
                    self.pace.is_due(*other)
                        && copy
                            .as_ref()
                            .is_none_or(|copy| copy.knows(&self.known(*other)))
                })
                .count()
                .max(1);
            let now = &mine[next..next + count];
            match &copy {
                Some(copy) => self.send(copy, next, now)?,
                None => self.type_in(next, now)?,
            }
            next += count;
            // The client's task has to come to send it.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn type_in(&self, first: usize, edits: &[(usize, &Edit)]) -> Result<()> {
        self.client.edit(|editor| {
            for (number, (_, edit)) in (first..).zip(edits) {
                self.journal.made(self.author, number);
                editor.replace(edit.position, edit.deleted, &edit.inserted)?;
            }
            Ok(())
        })
    }

    fn send(&self, copy: &Copy, first: usize, edits: &[(usize, &Edit)]) -> Result<()> {
        self.client.edit(|editor| {
            for (number, (_, edit)) in (first..).zip(edits) {
                self.journal.made(self.author, number);
                let update = copy.write(edit)?;
                let counter_end = self.journal.counter_after(self.author, number + 1);
                if copy.counter(self.journal.peer(self.author)) != counter_end {
                    let text = "an edit made another number of operations than expected";
                    return Err(Error::new(Kind::Internal, text));
                }
                editor.send(Bytes::from(update), counter_end)?;
            }
            Ok(())
        })
    }

    /// A document of its own, as the client has it now: nothing of the history is written yet. From
    /// here on the client's document only collects operations; nobody looks at its text.
    fn copy(&self) -> Result<Copy> {
        let doc = LoroDoc::new();
        let updates = self.client.read(|doc| {
            doc.detach();
            doc.export(ExportMode::all_updates())
        });
        updates
            .map_err(|error| error.to_string())
            .and_then(|updates| doc.import(&updates).map_err(|error| error.to_string()))
            .map_err(|error| Error::new(Kind::Internal, format!("copy a document: {error}")))?;
        Copy::new(doc, self.journal.peer(self.author), BODY)
    }

    /// What an edit knows of others, by peer.
    fn known(&self, edit: usize) -> Vec<(u64, i32)> {
        let known = self.trace.known(edit).iter().enumerate();
        known
            .filter(|(author, _)| *author != self.author)
            .map(|(author, known)| {
                let counter = self.journal.counter_after(author, *known as usize);
                (self.journal.peer(author), counter)
            })
            .collect()
    }

    /// Waits until Quire has brought what the edit knows, and brings exactly that into the copy.
    async fn learn(&self, copy: &Copy, edit: usize) -> Result<()> {
        let known = self.known(edit);
        if copy.knows(&known) {
            return Ok(());
        }
        self.client
            .document_is(|doc| {
                let mut known = known.iter();
                known.all(|(peer, end)| counter_of(doc, *peer) >= *end)
            })
            .await?;
        self.client.read(|doc| copy.learn(doc, &known))
    }
}

/// How far a document knows a peer.
pub fn counter_of(doc: &LoroDoc, peer: u64) -> i32 {
    doc.oplog_vv().get(&peer).copied().unwrap_or(0)
}
