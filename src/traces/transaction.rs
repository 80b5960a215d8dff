//! The trace of a transaction. Its id, and those of the two spans that others stand below, are made of the log
//! and the transaction's number, which every server reads in the log: so the spans of all servers are one
//! trace, and all make it or none, without a byte more in the log.

use std::time::Instant;

use sha2::{Digest, Sha256};

use super::{Place, Span, TRACER, Way};
use crate::postgres::Server;

/// A transaction that is traced.
#[derive(Debug, Clone, Copy)]
pub struct Transaction {
    xid: u32,
    /// The whole of it, from the first edit received to the commit.
    root: Place,
    /// Its commit; what the log brings stands below.
    commit: Place,
}

impl Transaction {
    /// The trace of a transaction, by the log that it stands in and the low 32 bits of its number; none: it is
    /// not one of those that are made.
    pub fn of(log: impl FnOnce() -> Option<Server>, xid: u32) -> Option<Self> {
        let tracer = TRACER.get()?;
        let transaction = Self::derived(log()?, xid);
        tracer.takes(transaction.root.trace).then_some(transaction)
    }

    fn derived(log: Server, xid: u32) -> Self {
        let mut hash = Sha256::new_with_prefix("quire transaction");
        hash.update(log.system_identifier.to_be_bytes());
        hash.update(log.timeline.to_be_bytes());
        hash.update(xid.to_be_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        let mut ids = hash.chunks_exact(8);
        let mut id = || {
            let id = ids.next().expect("there are four");
            <[u8; 8]>::try_from(id).expect("it is eight bytes")
        };
        let (first, second) = (id(), id());
        let mut trace = [0; 16];
        trace[..8].copy_from_slice(&first);
        trace[8..].copy_from_slice(&second);
        let place = |span| Place { trace, span };
        Self {
            xid,
            root: place(id()),
            commit: place(id()),
        }
    }

    /// It was committed here, as one batch of so many edits, which took from then to now; those of them whose
    /// way is followed are told.
    pub(crate) fn committed<'a>(
        self,
        began: Instant,
        edits: usize,
        ways: impl Iterator<Item = &'a Way>,
    ) {
        let ended = Instant::now();
        let mut first = began;
        for way in ways {
            way.committed(self, began);
            first = first.min(way.received());
        }
        let spans = [
            (
                Span::new("transaction", self.root.trace, None),
                self.root,
                first,
            ),
            (Span::below(self.root, "commit"), self.commit, began),
        ];
        for (span, place, began) in spans {
            let Some(mut span) = span else { continue };
            span.facts().id = place.span;
            span.took(began, ended);
            span.set("quire.xid", self.xid);
            span.set("quire.edits", edits);
        }
    }

    /// What the log brings of it stands below its commit, wherever that was.
    pub fn delivery(self, read: Option<Instant>) -> Option<Span> {
        let mut span = Span::below(self.commit, "deliver")?;
        span.set("quire.xid", self.xid);
        if let Some(read) = read {
            span.began(read);
        }
        Some(span)
    }

    pub(super) fn root(self) -> Place {
        self.root
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_servers_derive_the_same_ids_and_other_transactions_have_others() {
        let log = |system_identifier, timeline| Server {
            system_identifier,
            timeline,
        };
        let one = Transaction::derived(log(7, 1), 800);
        let again = Transaction::derived(log(7, 1), 800);
        assert_eq!((one.root, one.commit), (again.root, again.commit));
        assert_eq!(one.root.trace, one.commit.trace);
        assert_ne!(one.root.span, one.commit.span);
        for other in [
            Transaction::derived(log(7, 1), 801),
            Transaction::derived(log(7, 2), 800),
            Transaction::derived(log(8, 1), 800),
        ] {
            assert_ne!(one.root.trace, other.root.trace);
        }
    }
}
