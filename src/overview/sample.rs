//! What an overview shows, as `GET /api/v1/admin/overview` and `quire top --json` give it.

use serde::Serialize;
use uuid::Uuid;

use crate::activity::Weight;
use crate::postgres::{Finding, Primary, Replica, Slot, Stream};
use crate::presence::Standing;

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// When: milliseconds since 1970, by the clock of whoever looked.
    pub at_ms: u64,
    /// Edits that the log brings in a second, of all servers.
    pub edits_per_s: f64,
    /// Bytes that the database writes into its log in a second.
    pub wal_bytes_per_s: f64,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    pub servers: Vec<Standing>,
    /// None while none answers.
    pub primary: Option<Primary>,
    pub replicas: Vec<Replica>,
    pub streams: Vec<Stream>,
    pub slots: Vec<Slot>,
    /// Those with the most edits in the last minute. Ids only: their titles are not for operators.
    pub documents: Vec<BusyDocument>,
    pub organisations: Vec<BusyOrganisation>,
}

/// A document that is edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BusyDocument {
    pub org_id: Uuid,
    pub document_id: Uuid,
    /// Edits of the last minute, and the bytes of their updates.
    pub edits: u64,
    pub bytes: u64,
}

/// An organisation in which documents are edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BusyOrganisation {
    pub org_id: Uuid,
    /// Edits of the last minute, and the bytes of their updates.
    pub edits: u64,
    pub bytes: u64,
}

impl From<((Uuid, Uuid), Weight)> for BusyDocument {
    fn from(((org_id, document_id), weight): ((Uuid, Uuid), Weight)) -> Self {
        Self {
            org_id,
            document_id,
            edits: weight.edits,
            bytes: weight.bytes,
        }
    }
}

impl From<(Uuid, Weight)> for BusyOrganisation {
    fn from((org_id, weight): (Uuid, Weight)) -> Self {
        Self {
            org_id,
            edits: weight.edits,
            bytes: weight.bytes,
        }
    }
}
