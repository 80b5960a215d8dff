//! A writer's own copy of the text, which holds exactly what its next edit knows.

use std::sync::{Arc, Mutex};

use loro::{ExportMode, IdSpan, LoroDoc, LoroText, Subscription};

use super::trace::Edit;
use crate::error::{Error, Kind, Result};

/// A document in which one writer types. Others' edits come in only when they are to be known.
pub struct Copy {
    doc: LoroDoc,
    text: LoroText,
    made: Arc<Mutex<Vec<u8>>>,
    _made: Subscription,
}

impl Copy {
    /// Takes over a document; `root` is the name of the text that is meant.
    ///
    /// # Errors
    /// `Internal` when the peer is no peer.
    pub fn new(doc: LoroDoc, peer: u64, root: &str) -> Result<Self> {
        doc.set_peer_id(peer)
            .map_err(|error| Error::caused(Kind::Internal, "set the writer's peer", error))?;
        let text = doc.get_text(root);
        let made = Arc::new(Mutex::new(Vec::new()));
        let last = made.clone();
        let subscription = doc.subscribe_local_update(Box::new(move |update| {
            last.lock()
                .expect("nothing panics with it")
                .clone_from(update);
            true
        }));
        Ok(Self {
            doc,
            text,
            made,
            _made: subscription,
        })
    }

    /// How far it knows a peer.
    pub fn counter(&self, peer: u64) -> i32 {
        self.doc.oplog_vv().get(&peer).copied().unwrap_or(0)
    }

    /// Makes one edit and returns its update.
    ///
    /// # Errors
    /// `Internal` when the position is not in the text: then the copy does not hold what it should.
    pub fn write(&self, edit: &Edit) -> Result<Vec<u8>> {
        let wrong = |error| Error::caused(Kind::Internal, "make an edit of the history", error);
        if edit.deleted > 0 {
            self.text
                .delete(edit.position, edit.deleted)
                .map_err(wrong)?;
        }
        if !edit.inserted.is_empty() {
            self.text
                .insert(edit.position, &edit.inserted)
                .map_err(wrong)?;
        }
        self.doc.commit();
        Ok(std::mem::take(
            &mut *self.made.lock().expect("nothing panics with it"),
        ))
    }

    /// Gets to know peers up to their counters, from a document that knows them at least as far.
    /// All at once: what one wrote may build on what another did.
    ///
    /// # Errors
    /// `Internal` when that document does not.
    pub fn learn(&self, from: &LoroDoc, known: &[(u64, i32)]) -> Result<()> {
        let new = known
            .iter()
            .filter(|(peer, end)| self.counter(*peer) < *end);
        let spans: Vec<_> = new
            .map(|&(peer, end)| IdSpan::new(peer, self.counter(peer), end))
            .collect();
        if spans.is_empty() {
            return Ok(());
        }
        let update = from
            .export(ExportMode::updates_in_range(spans))
            .map_err(|error| Error::caused(Kind::Internal, "export what is to be known", error))?;
        self.doc
            .import(&update)
            .map_err(|error| Error::caused(Kind::Internal, "import what is to be known", error))?;
        if !self.knows(known) {
            let text = "the other document does not know what is to be known";
            return Err(Error::new(Kind::Internal, text));
        }
        Ok(())
    }

    /// Whether it knows exactly so much of each peer.
    pub fn knows(&self, known: &[(u64, i32)]) -> bool {
        let mut known = known.iter();
        known.all(|(peer, end)| self.counter(*peer) == *end)
    }
}
