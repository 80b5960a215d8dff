//! What a client tells its observer.

use std::time::Instant;

use loro::VersionRange;

use crate::protocol::AckStatus;

/// One thing that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// The room is joined, anew or for the first time, at this server.
    Joined {
        /// `http://host:port`.
        address: &'a str,
        /// The leased peer; none for whoever may only read.
        peer: Option<u64>,
        /// The counter up to which the server has the peer's operations.
        durable: i32,
    },
    /// One update is durable.
    Acknowledged {
        /// The counter after its last operation.
        counter_end: i32,
        /// When it was made.
        made_at: Instant,
        /// When its ack was read.
        at: Instant,
    },
    /// The server did not take a batch; the client joins again and sends it again.
    Refused(AckStatus),
    /// Others' operations are in the document.
    Imported {
        /// Whose and which: peer, first counter, counter after the last.
        operations: &'a VersionRange,
        /// When they were in.
        at: Instant,
    },
    /// The server has lost what this copy builds on, and nobody brought it back: the client starts over
    /// and writes its own words again, as another peer.
    StartedOver {
        /// The peer whose operations are given up.
        peer: u64,
        /// From this counter on.
        from: i32,
    },
    /// The connection is gone; the client tries again.
    Lost {
        /// Why, for people.
        reason: &'a str,
    },
}
