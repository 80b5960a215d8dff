//! From messages to transactions. A transaction is streamed only after its commit, so a large one
//! can be handed over in pieces and never has to fit into memory.

use bytes::Bytes;

use super::pgoutput::{Message, malformed};
use super::rows::Tables;
use crate::change::{Change, Lsn, Transaction};
use crate::error::Result;

/// Beyond either of these a transaction is handed over in pieces.
const PIECE_CHANGES: usize = 1_000;
const PIECE_BYTES: usize = 4 << 20;

/// The logical messages that are Quire's.
const PREFIX: &[u8] = b"quire";

/// What a message led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// More must follow.
    Nothing,
    /// A transaction or the next piece of one.
    Transaction(Transaction),
    /// A transaction ended there that had nothing for Quire.
    Passed(Lsn),
}

/// Puts transactions together. One for each connection: tables are described anew on each.
#[derive(Debug, Default)]
pub struct Assembly {
    tables: Tables,
    open: Option<Open>,
}

/// The transaction that is being streamed.
#[derive(Debug)]
struct Open {
    xid: u32,
    commit_lsn: Lsn,
    committed_at_us: i64,
    changes: Vec<Change>,
    bytes: usize,
    /// Whether a piece was handed over already.
    is_begun: bool,
}

impl Assembly {
    /// An assembly at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a transaction has begun and not ended.
    pub fn is_inside(&self) -> bool {
        self.open.is_some()
    }

    /// Takes the next message of the plugin; `sent_at_us` is the database's clock when it was
    /// sent. Errors: kind `Internal` for what cannot be, `Setting` for tables that do not fit.
    pub fn take(&mut self, message: Bytes, sent_at_us: i64) -> Result<Output> {
        match Message::decode(message)? {
            Message::Begin {
                commit_lsn,
                committed_at_us,
                xid,
            } => self.begin(commit_lsn, committed_at_us, xid),
            Message::Commit { end_lsn } => self.commit(end_lsn),
            Message::Relation(relation) => self.tables.learn(&relation).map(|()| Output::Nothing),
            Message::Insert { relation_id, tuple } => {
                let change = self.tables.read(relation_id, &tuple)?;
                change.map_or(Ok(Output::Nothing), |change| self.push(change))
            }
            Message::Logical { prefix, .. } if prefix != PREFIX => Ok(Output::Nothing),
            Message::Logical {
                is_transactional: true,
                content,
                ..
            } => self.push(Change::Message(content)),
            Message::Logical { lsn, content, .. } => Ok(Output::Transaction(Transaction {
                xid: 0,
                end_lsn: lsn,
                committed_at_us: sent_at_us,
                changes: vec![Change::Message(content)],
            })),
            Message::Harmless => Ok(Output::Nothing),
        }
    }

    fn begin(&mut self, commit_lsn: Lsn, committed_at_us: i64, xid: u32) -> Result<Output> {
        if self.open.is_some() {
            return Err(malformed("a transaction inside of another"));
        }
        self.open = Some(Open {
            xid,
            commit_lsn,
            committed_at_us,
            changes: Vec::new(),
            bytes: 0,
            is_begun: false,
        });
        Ok(Output::Nothing)
    }

    fn push(&mut self, change: Change) -> Result<Output> {
        let open = self.open.as_mut();
        let open = open.ok_or_else(|| malformed("a change outside of a transaction"))?;
        open.bytes += change.bytes();
        open.changes.push(change);
        if open.changes.len() < PIECE_CHANGES && open.bytes < PIECE_BYTES {
            return Ok(Output::Nothing);
        }
        open.is_begun = true;
        open.bytes = 0;
        let changes = std::mem::take(&mut open.changes);
        Ok(Output::Transaction(open.piece(open.commit_lsn, changes)))
    }

    fn commit(&mut self, end_lsn: Lsn) -> Result<Output> {
        let open = self.open.take();
        let mut open = open.ok_or_else(|| malformed("a commit of no transaction"))?;
        if open.changes.is_empty() && !open.is_begun {
            return Ok(Output::Passed(end_lsn));
        }
        let changes = std::mem::take(&mut open.changes);
        Ok(Output::Transaction(open.piece(end_lsn, changes)))
    }
}

impl Open {
    fn piece(&self, end_lsn: Lsn, changes: Vec<Change>) -> Transaction {
        Transaction {
            xid: self.xid,
            end_lsn,
            committed_at_us: self.committed_at_us,
            changes,
        }
    }
}
