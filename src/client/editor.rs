//! Edits of a client's document. Each makes one update.

use bytes::Bytes;
use loro::LoroDoc;

use super::state::State;
use crate::document::model;
use crate::error::{Error, Kind, Result};

/// A client's document while [`super::Client::edit`] holds it.
pub struct Editor<'a> {
    pub(super) state: &'a mut State,
}

impl Editor<'_> {
    /// Replaces `deleted` code points at `position` of the page's text by `inserted`.
    ///
    /// # Errors
    /// `Invalid` when the position is not in it.
    pub fn replace(&mut self, position: usize, deleted: usize, inserted: &str) -> Result<()> {
        let text = model::body(&self.state.doc);
        if deleted > 0 {
            text.delete(position, deleted)
                .map_err(|error| Error::caused(Kind::Invalid, "delete text", error))?;
        }
        if !inserted.is_empty() {
            text.insert(position, inserted)
                .map_err(|error| Error::caused(Kind::Invalid, "insert text", error))?;
        }
        self.state.commit();
        Ok(())
    }

    /// Inserts into the page's text, at a code point.
    ///
    /// # Errors
    /// Those of [`Editor::replace`].
    pub fn insert(&mut self, position: usize, inserted: &str) -> Result<()> {
        self.replace(position, 0, inserted)
    }

    /// Deletes from the page's text, at a code point.
    ///
    /// # Errors
    /// Those of [`Editor::replace`].
    pub fn delete(&mut self, position: usize, deleted: usize) -> Result<()> {
        self.replace(position, deleted, "")
    }

    /// Changes the document in any way; makes one update, if it changes anything.
    pub fn change<T>(&mut self, work: impl FnOnce(&LoroDoc) -> T) -> T {
        let result = work(&self.state.doc);
        self.state.commit();
        result
    }

    /// Sends an update that was made elsewhere under the leased peer, and imports it here.
    ///
    /// # Errors
    /// `Invalid` when it cannot be imported; then it is not sent.
    pub fn send(&mut self, update: Bytes, counter_end: i32) -> Result<()> {
        self.state
            .doc
            .import(&update)
            .map_err(|error| Error::caused(Kind::Invalid, "import own update", error))?;
        self.send_unchecked(update, counter_end);
        Ok(())
    }

    /// Sends bytes that need not be an update: for tests of what a server refuses.
    pub fn send_unchecked(&mut self, update: Bytes, counter_end: i32) {
        self.state.queue(update, counter_end);
    }
}
