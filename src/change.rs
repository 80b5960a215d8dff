//! What the database's log says, one committed transaction at a time: edits, changes of authority,
//! presence. Everything that the feed delivers is made of these.

use std::fmt;

use bytes::Bytes;
use uuid::Uuid;

/// A position in the database's log, in bytes from its beginning. Two positions can be compared
/// only if they come from the same cluster and timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(pub u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl std::str::FromStr for Lsn {
    type Err = std::num::ParseIntError;

    /// Reads the form that Postgres prints: `16/B374D848`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (high, low) = text.split_once('/').unwrap_or(("", text));
        let high = u32::from_str_radix(high, 16)?;
        let low = u32::from_str_radix(low, 16)?;
        Ok(Self(u64::from(high) << 32 | u64::from(low)))
    }
}

/// One row of `quire.edit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub org_id: Uuid,
    pub document_id: Uuid,
    pub edit_id: i64,
    /// The author, as the server that committed it knew it.
    pub account_id: Uuid,
    /// The session that sent it; none: a server's own edit.
    pub session_id: Option<Uuid>,
    /// The Loro peer that made the operations.
    pub peer: u64,
    /// Loro counter of the first operation.
    pub counter_start: i32,
    /// Loro counter after the last operation.
    pub counter_end: i32,
    /// The operations in Loro's binary form.
    pub update: Bytes,
}

/// What an [`Event`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    SessionEnded,
    MemberChanged,
    GrantChanged,
    DocumentCreated,
    DocumentRenamed,
    DocumentDeleted,
    DocumentRestored,
    CommentsChanged,
    OrganisationPlaced,
    PublicationChanged,
    /// Written by a newer Quire; this one does not know it.
    Other,
}

impl EventKind {
    /// The kind that the column `kind` names.
    pub fn parse(kind: &str) -> Self {
        match kind {
            "session_ended" => Self::SessionEnded,
            "member_changed" => Self::MemberChanged,
            "grant_changed" => Self::GrantChanged,
            "document_created" => Self::DocumentCreated,
            "document_renamed" => Self::DocumentRenamed,
            "document_deleted" => Self::DocumentDeleted,
            "document_restored" => Self::DocumentRestored,
            "comments_changed" => Self::CommentsChanged,
            "organisation_placed" => Self::OrganisationPlaced,
            "publication_changed" => Self::PublicationChanged,
            _ => Self::Other,
        }
    }
}

/// One row of `quire.event`: authority or a document's own data changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub kind: EventKind,
    pub org_id: Option<Uuid>,
    pub document_id: Option<Uuid>,
    pub account_id: Option<Uuid>,
    pub session_id: Option<Uuid>,
    /// The new title, where the event says one.
    pub title: Option<String>,
    /// Where the organisation is, where the event says that.
    pub placed: Option<Box<Placed>>,
}

/// Where an organisation is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// As the column `state` of `quire.placement` says it.
    pub state: String,
    /// Public addresses of the servers that serve it, if it has moved.
    pub addresses: Vec<String>,
}

impl Placed {
    /// Whether it is served from this database.
    pub fn is_here(&self) -> bool {
        matches!(self.state.as_str(), "here" | "moving")
    }

    /// What clients are told of one that has moved: the words that begin with `http` are the addresses.
    pub fn moved_to(&self) -> Option<String> {
        let addresses = self.addresses.join(" ");
        (self.state == "moved").then(|| format!("this organisation has moved to {addresses}"))
    }
}

/// One thing that a transaction did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Edit(Edit),
    Event(Event),
    /// A logical message with prefix `quire`: presence and heartbeats.
    Message(Bytes),
}

impl Change {
    /// Bytes of memory that holding it costs, roughly.
    pub fn bytes(&self) -> usize {
        let payload = match self {
            Self::Edit(edit) => edit.update.len(),
            Self::Event(event) => event.title.as_ref().map_or(0, String::len),
            Self::Message(content) => content.len(),
        };
        std::mem::size_of::<Self>() + payload
    }
}

/// What one transaction committed, or a piece of it: a large transaction comes as several of these
/// with the same `xid`, one after the other, and only the last carries its whole `end_lsn`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The low 32 bits of the transaction's number; 0 for a message outside of any transaction.
    pub xid: u32,
    /// The end of its commit record. In a piece that is not the last: the start of that record,
    /// which may be just where the transaction before it ended. Never less than the one before.
    pub end_lsn: Lsn,
    /// When it committed, by the database's clock: microseconds since 1970.
    pub committed_at_us: i64,
    pub changes: Vec<Change>,
}
