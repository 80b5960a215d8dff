//! Transactions that were streamed but that a reader of the tables may not see yet: on a primary
//! the log runs ahead of visibility. They leave when they are visible, however long that takes.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use uuid::Uuid;

use super::snapshot::Snapshot;
use crate::change::{Change, Transaction};

type DocumentKey = (Uuid, Uuid);

#[derive(Debug, Default)]
pub(super) struct Ring {
    /// By the order in which they were streamed.
    entries: BTreeMap<u64, Arc<Transaction>>,
    by_document: HashMap<DocumentKey, VecDeque<u64>>,
    next: u64,
    bytes: usize,
}

impl Ring {
    /// Keeps a transaction if it holds edits.
    pub fn insert(&mut self, transaction: &Arc<Transaction>) {
        let documents = documents(transaction);
        if documents.is_empty() {
            return;
        }
        for document in documents {
            self.by_document
                .entry(document)
                .or_default()
                .push_back(self.next);
        }
        self.entries.insert(self.next, transaction.clone());
        self.next += 1;
        self.bytes += bytes(transaction);
    }

    /// Those with edits of this document, oldest first.
    pub fn recent(&self, org_id: Uuid, document_id: Uuid) -> Vec<Arc<Transaction>> {
        let numbers = self.by_document.get(&(org_id, document_id));
        let numbers = numbers.into_iter().flatten();
        numbers.map(|number| self.entries[number].clone()).collect()
    }

    /// Lets go of what `snapshot` sees.
    pub fn evict(&mut self, snapshot: &Snapshot) {
        let gone: Vec<u64> = self
            .entries
            .iter()
            .filter(|(_, transaction)| snapshot.sees(transaction.xid))
            .map(|(number, _)| *number)
            .collect();
        for number in gone {
            self.remove(number);
        }
    }

    /// Lets go of everything: it is of another log.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.by_document.clear();
        self.bytes = 0;
    }

    /// Memory that the entries cost, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn remove(&mut self, number: u64) {
        let Some(transaction) = self.entries.remove(&number) else {
            return;
        };
        self.bytes -= bytes(&transaction);
        for document in documents(&transaction) {
            if let Some(numbers) = self.by_document.get_mut(&document) {
                // Most leave in the order in which they came, so it stands near the front.
                if let Some(position) = numbers.iter().position(|other| *other == number) {
                    numbers.remove(position);
                }
                if numbers.is_empty() {
                    self.by_document.remove(&document);
                }
            }
        }
    }
}

/// The documents that it edits, each once.
fn documents(transaction: &Transaction) -> Vec<DocumentKey> {
    let edits = transaction
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Edit(edit) => Some((edit.org_id, edit.document_id)),
            Change::Event(_) | Change::Message(_) => None,
        });
    let mut documents: Vec<DocumentKey> = edits.collect();
    documents.sort_unstable();
    documents.dedup();
    documents
}

pub(super) fn bytes(transaction: &Transaction) -> usize {
    transaction.changes.iter().map(Change::bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{Edit, Lsn};
    use crate::random::Random;

    fn transaction(xid: u32, documents: &[u128]) -> Arc<Transaction> {
        let edit = |document: &u128| {
            Change::Edit(Edit {
                org_id: Uuid::nil(),
                document_id: Uuid::from_u128(*document),
                edit_id: 0,
                account_id: Uuid::nil(),
                session_id: None,
                peer: 1,
                counter_start: 0,
                counter_end: 1,
                update: bytes::Bytes::from_static(b"update"),
            })
        };
        Arc::new(Transaction {
            xid,
            end_lsn: Lsn(0),
            committed_at_us: 0,
            changes: documents.iter().map(edit).collect(),
        })
    }

    #[test]
    fn a_ring_is_a_list_of_what_no_snapshot_has_seen() {
        for seed in 0..300 {
            let mut random = Random::new(seed);
            let mut ring = Ring::default();
            let mut list: Vec<Arc<Transaction>> = Vec::new();
            let wrap = 1_u64 << 32;
            for _ in 0..100 {
                if random.chance(70) {
                    let documents: Vec<u128> = (0..random.below(4))
                        .map(|_| random.below(4) as u128)
                        .collect();
                    let xid = (wrap - 20 + random.below(40) as u64) as u32;
                    let one = transaction(xid, &documents);
                    ring.insert(&one);
                    list.extend((!documents.is_empty()).then_some(one));
                } else {
                    let xmin = wrap - 30 + random.below(40) as u64;
                    let text = format!("{xmin}:{}:{xmin},{}", xmin + 9, xmin + 4);
                    let snapshot = Snapshot::parse(&text).expect("a snapshot");
                    ring.evict(&snapshot);
                    list.retain(|one| !snapshot.sees(one.xid));
                }
                let expected: usize = list.iter().map(|one| bytes(one)).sum();
                assert_eq!(ring.bytes(), expected, "seed {seed}");
                assert_eq!(ring.is_empty(), list.is_empty(), "seed {seed}");
                for document in 0..4 {
                    let id = Uuid::from_u128(document);
                    let fits =
                        |one: &&Arc<Transaction>| documents(one).contains(&(Uuid::nil(), id));
                    let expected: Vec<_> = list.iter().filter(fits).cloned().collect();
                    assert_eq!(ring.recent(Uuid::nil(), id), expected, "seed {seed}");
                }
            }
            ring.clear();
            assert!(ring.is_empty() && ring.by_document.is_empty() && ring.bytes() == 0);
        }
    }
}
