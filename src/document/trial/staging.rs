//! The child's staging copies: which documents it holds, within a budget of bytes.

use std::collections::HashMap;

use super::child::SEEDED;
use super::copy::Copy;
use super::{DocKey, Refusal, Verdict};

/// The copies may take this part of the memory limit; the rest is for the trial itself and for
/// what the estimates miss.
const BUDGET_PART: u64 = 4;

/// All staging copies.
pub struct Staging {
    copies: HashMap<DocKey, Entry>,
    budget_bytes: usize,
    /// How large a document may become.
    document_bytes: usize,
    bytes: usize,
    clock: u64,
    has_panicked: bool,
}

struct Entry {
    copy: Copy,
    bytes: usize,
    used: u64,
}

impl Staging {
    pub fn new(memory_bytes: u64, document_bytes: usize) -> Self {
        Self {
            document_bytes,
            copies: HashMap::new(),
            budget_bytes: (memory_bytes / BUDGET_PART) as usize,
            bytes: 0,
            clock: 0,
            has_panicked: false,
        }
    }

    /// Whether Loro panicked, so that this process should end.
    pub fn has_panicked(&self) -> bool {
        self.has_panicked
    }

    /// Tries an update. A copy that it may have spoiled is dropped.
    pub fn submit(&mut self, doc: DocKey, update: &[u8]) -> Verdict {
        self.clock += 1;
        let Some(entry) = self.copies.get_mut(&doc) else {
            return Verdict::NeedsDocument;
        };
        entry.used = self.clock;
        let verdict = entry.copy.submit(update, self.document_bytes);
        let bytes = entry.copy.bytes();
        self.bytes = self.bytes - entry.bytes + bytes;
        entry.bytes = bytes;
        self.settle(doc);
        verdict
    }

    /// Takes a snapshot as the document's staging copy.
    pub fn seed(&mut self, doc: DocKey, snapshot: &[u8]) -> Verdict {
        self.clock += 1;
        self.forget(doc);
        match Copy::load(snapshot) {
            Ok(copy) => {
                let bytes = copy.bytes();
                self.bytes += bytes;
                let entry = Entry {
                    copy,
                    bytes,
                    used: self.clock,
                };
                self.copies.insert(doc, entry);
                self.settle(doc);
                SEEDED
            }
            Err(has_panicked) => {
                self.has_panicked |= has_panicked;
                Verdict::Refused(Refusal::Harmful)
            }
        }
    }

    /// An update is durable. Ignored for documents that are not held.
    pub fn committed(&mut self, doc: DocKey, update: &[u8]) {
        if let Some(entry) = self.copies.get_mut(&doc) {
            entry.copy.committed(update);
            self.settle(doc);
        }
    }

    /// Drops the copy of a document, or those of a whole organisation when no document is named.
    pub fn forget(&mut self, doc: DocKey) {
        if doc.document_id.is_nil() {
            self.copies.retain(|key, _| key.org_id != doc.org_id);
            self.bytes = self.copies.values().map(|entry| entry.bytes).sum();
            return;
        }
        if let Some(entry) = self.copies.remove(&doc) {
            self.bytes -= entry.bytes;
        }
    }

    /// Drops `doc` when it is spoiled, and the least recently used ones when there are too many.
    fn settle(&mut self, doc: DocKey) {
        if let Some(entry) = self.copies.get(&doc) {
            self.has_panicked |= entry.copy.has_panicked();
            if entry.copy.is_spoiled() {
                self.forget(doc);
            }
        }
        while self.bytes > self.budget_bytes && self.copies.len() > 1 {
            let oldest = self
                .copies
                .iter()
                .filter(|(key, _)| **key != doc)
                .min_by_key(|(_, entry)| entry.used)
                .map(|(key, _)| *key);
            match oldest {
                Some(oldest) => self.forget(oldest),
                None => return,
            }
        }
    }
}
