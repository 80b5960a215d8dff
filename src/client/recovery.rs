//! What a client does when the server has lost what it had (failover, restore). What it wrote itself it
//! sends again, in pieces that can be taken one by one, each when what it builds on is there. What
//! others wrote comes back from a server or from them; if it does not, this copy would differ for ever:
//! the client starts over from the server's document and writes its own words again.

use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::Bytes;
use loro::cursor::{Cursor, Side};
use loro::{ContainerTrait, LoroDoc, VersionVector};

use super::outbox::Waiting;
use super::state::State;
use super::{Editor, Event};
use crate::document::model::body;
use crate::document::pieces::pieces_of;
use crate::error::{Error, Kind, Result};

/// How long a client waits, joined, for what the server has lost of others.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long it gives each server that it joins meanwhile, at least.
const MOMENT: Duration = Duration::from_secs(1);

/// While a copy holds others' operations that its server does not.
pub(super) struct Ahead {
    /// When the copy is given up.
    pub until: Instant,
    /// What the copy holds of others.
    others: VersionVector,
}

/// What goes into a new copy: one's own words of the one before.
pub(super) struct Again {
    old: LoroDoc,
    /// Under which they were written, and which is given up: no server brings them back any more.
    pub peer: u64,
    /// Where what is lost of it begins.
    pub from: i32,
    /// What the server had when the copy was given up.
    server: VersionVector,
}

impl State {
    /// A join has said what the server has.
    pub(super) fn look_for_losses(&mut self, version: &VersionVector) {
        self.server_version = version.clone();
        let own = self.lease;
        let others = self.doc.oplog_vv();
        let others = others
            .iter()
            .filter(|(peer, _)| Some(**peer) != own)
            .map(|(peer, end)| (*peer, *end));
        let others: VersionVector = others.collect();
        // Whoever is often sent elsewhere does not wait for ever, and always gives a server a moment.
        let now = Instant::now();
        let before = self.ahead.take();
        let until = before.map_or(now + PATIENCE, |b| b.until.max(now + MOMENT));
        self.ahead = (!has_all(version, &others)).then_some(Ahead { until, others });
    }

    /// The server has sent this.
    pub(super) fn note_server_has(&mut self, update: &[u8]) {
        let Some(ahead) = &self.ahead else { return };
        if let Ok(meta) = LoroDoc::decode_import_blob_meta(update, false) {
            self.server_version.merge(&meta.partial_end_vv);
        }
        if has_all(&self.server_version, &ahead.others) {
            self.ahead = None;
        }
    }

    /// What the server has lost of this client's own, as updates that each can be taken alone.
    pub(super) fn pieces_again(&self, peer: u64, counters: Range<i32>) -> Result<Vec<Waiting>> {
        let pieces = pieces_of(&self.doc, peer, counters);
        let again = pieces.iter().map(|piece| {
            Ok(Waiting {
                update: Bytes::from(piece.export(&self.doc)?),
                counter_start: piece.counters.start,
                counter_end: piece.counters.end,
                made_at: Instant::now(),
            })
        });
        again.collect()
    }

    /// How many of the updates that wait may be sent: those before the first that builds on what the
    /// server does not have.
    pub(super) fn sendable(&self) -> usize {
        let (Some(_), Some(peer)) = (&self.ahead, self.lease) else {
            return usize::MAX;
        };
        let fits = |waiting: &&Waiting| {
            let counters = waiting.counter_start..waiting.counter_end;
            let pieces = pieces_of(&self.doc, peer, counters);
            pieces.iter().all(|piece| piece.fits(&self.server_version))
        };
        self.outbox.waiting().take_while(fits).count()
    }

    /// Gives the copy up when what it holds of others has not come back: the next connection begins
    /// with the server's document.
    ///
    /// # Errors
    /// `Unavailable`, when it did: this connection must end.
    pub(super) fn start_over_if_due(&mut self) -> Result<()> {
        let is_due = |ahead: &Ahead| Instant::now() >= ahead.until;
        // What is under way may be taken: it must not be written again as well.
        let may_be_taken = self.outbox.has_unanswered();
        if !self.is_joined || may_be_taken || !self.ahead.as_ref().is_some_and(is_due) {
            return Ok(());
        }
        self.commit();
        self.ahead = None;
        let server = std::mem::take(&mut self.server_version);
        let old = self.new_copy();
        // Its counters are taken in others' copies: what is written again needs another peer.
        let Some(peer) = self.lease.take() else {
            return Err(started_over());
        };
        let from = server.get(&peer).copied().unwrap_or(0);
        self.again = Some(Again {
            old,
            peer,
            from,
            server,
        });
        (self.options.observer)(Event::StartedOver { peer, from });
        Err(started_over())
    }

    /// Writes one's own words again, once the new copy is there.
    pub(super) fn write_again(&mut self) {
        if self.again.is_none() || self.lease.is_none() || !self.is_up_to_date() {
            return;
        }
        let again = self.again.take();
        let words = again.map(|again| own_words(&again.old, again.peer, again.from, &again.server));
        for (anchor, word) in words.unwrap_or_default() {
            let mut editor = Editor { state: self };
            let position = editor.change(|doc| place_after(doc, anchor));
            // A document without a paragraph has no place for it.
            if let Err(error) = editor.insert(position, &word) {
                tracing::warn!(%error, word, "write again what a failover lost");
            }
        }
    }
}

fn has_all(version: &VersionVector, others: &VersionVector) -> bool {
    let mut others = others.iter();
    others.all(|(peer, end)| version.get(peer).copied().unwrap_or(0) >= *end)
}

fn started_over() -> Error {
    let text = "the server has lost what this copy builds on; it starts over";
    Error::new(Kind::Unavailable, text)
}

/// What `peer` wrote from `from` on and stands in the text, each run with the last operation before it
/// that the server has.
fn own_words(
    doc: &LoroDoc,
    peer: u64,
    from: i32,
    server: &VersionVector,
) -> Vec<(Option<loro::ID>, String)> {
    let text = body(doc);
    let (mut words, mut anchor, mut follows) = (Vec::new(), None, false);
    for (place, letter) in text.to_string().chars().enumerate() {
        let id = text.get_cursor(place, Side::Middle).and_then(|c| c.id);
        let is_own = id.is_some_and(|id| id.peer == peer && id.counter >= from);
        match (is_own, follows, words.last_mut()) {
            (true, true, Some((_, word))) => String::push(word, letter),
            (true, ..) => words.push((anchor, letter.to_string())),
            (false, ..) => {}
        }
        follows = is_own;
        let is_kept = |id: &loro::ID| server.get(&id.peer).is_some_and(|end| *end > id.counter);
        anchor = id.filter(is_kept).or(anchor);
    }
    // The last first: what stood behind the same place comes out in its order.
    words.reverse();
    words
}

/// Where the text goes on behind an operation.
fn place_after(doc: &LoroDoc, anchor: Option<loro::ID>) -> usize {
    let text = body(doc);
    let Some(id) = anchor else {
        return 0;
    };
    let cursor = Cursor::new(Some(id), text.id(), Side::Middle, 0);
    let Ok(found) = doc.get_cursor_pos(&cursor) else {
        return 0;
    };
    // One that was deleted meanwhile has a place and no length.
    let place = found.current.pos;
    let stands = text.get_cursor(place, Side::Middle).and_then(|c| c.id) == Some(id);
    place + usize::from(stands)
}
