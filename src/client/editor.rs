//! Edits of a client's document. Each makes one update.

use bytes::Bytes;
use loro::{Container, LoroDoc, LoroMap, LoroText, ValueOrContainer};

use super::state::State;
use crate::document::model;
use crate::error::{Error, Kind, Result};

/// A client's document while [`super::Client::edit`] holds it.
pub struct Editor<'a> {
    pub(super) state: &'a mut State,
}

impl Editor<'_> {
    /// Replaces `deleted` code points at `position` of the first paragraph by `inserted`.
    ///
    /// # Errors
    /// `Invalid` when the paragraph has no text yet or the position is not in it.
    pub fn replace(&mut self, position: usize, deleted: usize, inserted: &str) -> Result<()> {
        let text = self.text()?;
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

    /// Inserts into the first paragraph, at a code point.
    ///
    /// # Errors
    /// Those of [`Editor::replace`].
    pub fn insert(&mut self, position: usize, inserted: &str) -> Result<()> {
        self.replace(position, 0, inserted)
    }

    /// Deletes from the first paragraph, at a code point.
    ///
    /// # Errors
    /// Those of [`Editor::replace`].
    pub fn delete(&mut self, position: usize, deleted: usize) -> Result<()> {
        self.replace(position, deleted, "")
    }

    /// Gives the first paragraph its text container, if it has none. Two clients that do it at once
    /// make two texts: let one do it before the others write.
    ///
    /// # Errors
    /// `NotFound` when the document has no paragraph: then it was never seeded.
    pub fn create_text(&mut self) -> Result<()> {
        if find_text(&self.state.doc).is_some() {
            return Ok(());
        }
        let children = find_paragraph(&self.state.doc)
            .and_then(|paragraph| children(&paragraph))
            .ok_or_else(|| Error::new(Kind::NotFound, "the document has no paragraph"))?;
        children
            .insert_container(0, LoroText::new())
            .map_err(|error| Error::caused(Kind::Invalid, "create text", error))?;
        self.state.commit();
        Ok(())
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

    fn text(&mut self) -> Result<&LoroText> {
        if self.state.text.is_none() {
            self.state.text = find_text(&self.state.doc);
        }
        self.state
            .text
            .as_ref()
            .ok_or_else(|| Error::new(Kind::Invalid, "the first paragraph has no text yet"))
    }
}

/// The text of the first paragraph.
pub fn find_text(doc: &LoroDoc) -> Option<LoroText> {
    let children = children(&find_paragraph(doc)?)?;
    match children.get(0) {
        Some(ValueOrContainer::Container(Container::Text(text))) => Some(text),
        _ => None,
    }
}

fn find_paragraph(doc: &LoroDoc) -> Option<LoroMap> {
    match children(&doc.get_map(model::ROOT))?.get(0) {
        Some(ValueOrContainer::Container(Container::Map(paragraph))) => Some(paragraph),
        _ => None,
    }
}

fn children(node: &LoroMap) -> Option<loro::LoroList> {
    match node.get(model::CHILDREN) {
        Some(ValueOrContainer::Container(Container::List(children))) => Some(children),
        _ => None,
    }
}
