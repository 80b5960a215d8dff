//! What a session has asked of Postgres and not been answered, so that a statement of the port's own can
//! stand between the client's and its answers are told from theirs. No I/O.

use std::collections::VecDeque;
use std::sync::Arc;

use super::rewrite::Rewritten;

/// A message that Postgres answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Parse,
    Bind,
    Describe,
    Execute,
    Close,
    Sync,
    Query,
    Function,
}

/// Whose a message is, and what its answer needs.
#[derive(Debug, Clone)]
pub(super) enum Whose {
    /// The client's, untouched: the answer too.
    Client,
    /// The client's, with another text: places in errors are moved back to where they stand in its own.
    Rewritten(Arc<Rewritten>),
    /// It was replaced by one that fails; the error says this instead.
    Refused(Arc<[u8]>),
    /// The port's own.
    Own,
}

/// What becomes of a message from Postgres.
#[derive(Debug, Clone)]
pub(super) enum Route {
    /// On to the client, whatever is in it.
    Pass,
    /// On to the client, after a look at the whole of it.
    Look,
    /// To the client in place of this one.
    Replace(Arc<[u8]>),
    /// An error or a description of a statement that was rewritten.
    Edit(Arc<Rewritten>),
    /// To whoever asked for it in the port.
    Own,
    /// An error of a statement of the port's own: the client is told, as if it were its own.
    Failed,
}

#[derive(Debug, Clone)]
struct Entry {
    ask: Ask,
    whose: Whose,
}

/// The asks of one session in their order.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    open: VecDeque<Entry>,
    /// After an error Postgres reads nothing until a Sync.
    is_skipping: bool,
    /// Data of COPY go to Postgres in the extended protocol; it takes no Sync until they end.
    is_copying: bool,
    /// Postgres waits for the data of a COPY, in either protocol: it reads everything else as a mistake in them.
    is_taking_data: bool,
    /// An answer came that nobody asked for: nothing can be told from here on.
    is_lost: bool,
    /// I, T or E: none, in a transaction, in a failed one.
    status: u8,
}

impl Ledger {
    /// Whether everything that was asked is answered.
    pub fn is_quiet(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether nothing is under way, nor a transaction open.
    pub fn is_idle(&self) -> bool {
        self.open.is_empty() && self.status == b'I'
    }

    /// Whether Postgres takes no notice of what comes, or takes it for something else.
    pub fn is_unheard(&self) -> bool {
        self.is_skipping || self.is_taking_data
    }

    /// Whether a statement of the port's own would disturb or not be understood.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// ReadyForQuery said this.
    pub fn ready(&mut self, status: u8) {
        self.status = status;
    }

    /// A message is sent. Returns whether Postgres will answer it.
    pub fn asked(&mut self, ask: Ask, whose: Whose) -> bool {
        let is_sync = ask == Ask::Sync;
        if self.is_skipping && !is_sync || self.is_copying && is_sync {
            return false;
        }
        self.is_skipping = false;
        self.open.push_back(Entry { ask, whose });
        true
    }

    /// The data of a COPY end.
    pub fn copied(&mut self) {
        self.is_copying = false;
        self.is_taking_data = false;
    }

    /// Whether the message that comes now must be all there before it can be dealt with.
    pub fn needs_whole(&self, tag: u8) -> bool {
        match tag {
            b'N' | b'A' | b'R' | b'v' => false,
            b'S' | b'K' | b'Z' => true,
            _ => match self.open.front().map(|entry| &entry.whose) {
                None | Some(Whose::Client) => false,
                Some(Whose::Own) => true,
                Some(Whose::Rewritten(_) | Whose::Refused(_)) => matches!(tag, b'E' | b't'),
            },
        }
    }

    /// A message came from Postgres.
    pub fn answered(&mut self, tag: u8) -> Route {
        match tag {
            b'N' | b'A' | b'R' | b'v' => return Route::Pass,
            b'S' | b'K' => return Route::Look,
            _ if self.is_lost => {
                return if tag == b'Z' {
                    Route::Look
                } else {
                    Route::Pass
                };
            }
            _ => {}
        }
        if matches!(tag, b'G' | b'C' | b'E' | b'Z') {
            self.is_taking_data = tag == b'G';
        }
        let Some(Entry { ask, whose }) = self.open.front().cloned() else {
            // A FATAL error asks nobody.
            self.is_lost |= tag != b'E' && tag != b'Z';
            return if tag == b'Z' {
                Route::Look
            } else {
                Route::Pass
            };
        };
        match (tag, ask) {
            (b'E', _) => return self.failed(ask, whose),
            (b'Z', Ask::Sync | Ask::Query | Ask::Function)
            | (b'1', Ask::Parse)
            | (b'2', Ask::Bind)
            | (b'3', Ask::Close)
            | (b'T' | b'n', Ask::Describe)
            | (b'C' | b'I' | b's', Ask::Execute) => {
                self.open.pop_front();
                self.is_copying = false;
            }
            (b'G', Ask::Execute) => {
                self.is_copying = true;
                // What was sent with it, Postgres reads as part of the data, and takes no notice.
                self.open.retain(|entry| entry.ask != Ask::Sync);
            }
            (b't', Ask::Describe)
            | (b'D' | b'H' | b'd' | b'c', Ask::Execute)
            | (
                b'T' | b'D' | b'C' | b'I' | b'n' | b'G' | b'H' | b'd' | b'c' | b'1' | b'2',
                Ask::Query,
            )
            | (b'V', Ask::Function) => {}
            _ => self.is_lost = true,
        }
        match (tag, whose) {
            (_, Whose::Own) => Route::Own,
            (b't', Whose::Rewritten(rewritten)) => Route::Edit(rewritten),
            (b'Z', _) => Route::Look,
            _ => Route::Pass,
        }
    }

    fn failed(&mut self, ask: Ask, whose: Whose) -> Route {
        self.is_copying = false;
        if !matches!(ask, Ask::Query | Ask::Function | Ask::Sync) {
            while self.open.front().is_some_and(|e| e.ask != Ask::Sync) {
                self.open.pop_front();
            }
            match self.open.front_mut() {
                // What the client is told of its statement ends with this.
                Some(sync) => sync.whose = Whose::Client,
                None => self.is_skipping = true,
            }
        }
        match whose {
            Whose::Client => Route::Pass,
            Whose::Own => Route::Failed,
            Whose::Rewritten(rewritten) => Route::Edit(rewritten),
            Whose::Refused(message) => Route::Replace(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(asks: &[Ask]) -> Ledger {
        let mut ledger = Ledger::default();
        for ask in asks {
            ledger.asked(*ask, Whose::Client);
        }
        ledger
    }

    fn answer(ledger: &mut Ledger, tags: &[u8]) {
        for tag in tags {
            ledger.answered(*tag);
            if *tag == b'Z' {
                ledger.ready(b'I');
            }
        }
        assert!(!ledger.is_lost(), "{ledger:?}");
    }

    #[test]
    fn everything_that_is_asked_is_answered() {
        use Ask::{Bind, Close, Describe, Execute, Function, Parse, Query, Sync};
        let mut ledger = asked(&[
            Parse, Describe, Sync, Bind, Execute, Close, Sync, Query, Function,
        ]);
        answer(&mut ledger, b"1tTZ2DDC3ZTDDCNTDCZVZ");
        assert!(ledger.is_idle());
    }

    #[test]
    fn after_an_error_nothing_is_answered_until_a_sync() {
        use Ask::{Bind, Execute, Parse, Sync};
        let mut ledger = asked(&[Parse, Bind, Execute, Sync, Parse, Sync]);
        answer(&mut ledger, b"1EZ1Z");
        assert!(ledger.is_idle());
        let mut ledger = asked(&[Parse, Bind]);
        answer(&mut ledger, b"E");
        assert!(ledger.is_unheard());
        assert!(!ledger.asked(Execute, Whose::Client));
        assert!(ledger.asked(Sync, Whose::Client));
        answer(&mut ledger, b"Z");
        assert!(ledger.is_idle());
    }

    #[test]
    fn a_sync_within_the_data_of_a_copy_is_not_answered() {
        use Ask::{Bind, Execute, Parse, Sync};
        let mut ledger = asked(&[Parse, Bind, Execute, Sync]);
        answer(&mut ledger, b"12G");
        assert!(!ledger.asked(Sync, Whose::Client));
        ledger.copied();
        assert!(ledger.asked(Sync, Whose::Client));
        answer(&mut ledger, b"CZ");
        assert!(ledger.is_idle());
    }

    #[test]
    fn an_error_of_the_ports_own_is_the_answer_to_the_client() {
        let mut ledger = Ledger::default();
        for ask in [Ask::Parse, Ask::Bind, Ask::Execute, Ask::Sync] {
            ledger.asked(ask, Whose::Own);
        }
        assert!(matches!(ledger.answered(b'1'), Route::Own));
        assert!(matches!(ledger.answered(b'E'), Route::Failed));
        assert!(
            matches!(ledger.answered(b'Z'), Route::Look),
            "the client's now"
        );
    }

    #[test]
    fn an_answer_that_nobody_asked_for_is_noticed() {
        let mut ledger = asked(&[Ask::Parse]);
        assert!(matches!(ledger.answered(b'2'), Route::Pass));
        assert!(ledger.is_lost());
    }
}
