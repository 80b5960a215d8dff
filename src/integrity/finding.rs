//! What can be wrong with a document, and what to do about each.

use std::fmt::Display;

use serde::Serialize;
use uuid::Uuid;

use crate::document::trial::DocKey;

/// Something about a document that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which check found it, in one word: `snapshot`.
    pub check: &'static str,
    /// The document's organisation.
    pub org_id: Uuid,
    /// The document.
    pub document_id: Uuid,
    /// What it is, and what follows from it.
    pub says: String,
    /// What to do about it.
    pub mend: String,
}

const FROM_A_BACKUP: &str = "Stop all servers and bring the rows back from a backup, or restore the database to a point in time before \
    the damage; clients and servers that still hold what is missing send it again.";

impl Finding {
    fn new(
        check: &'static str,
        key: DocKey,
        says: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            check,
            org_id: key.org_id,
            document_id: key.document_id,
            says: says.into(),
            mend: mend.into(),
        }
    }

    /// Rows of a document that does not exist.
    pub(super) fn no_document(key: DocKey, edits: u64, others: &str) -> Self {
        Self::new(
            "no_document",
            key,
            format!("There is no such document, and there are rows of it: {edits} edits{others}."),
            format!(
                "Bring its row in quire.document back from a backup; or, when it is not wanted, delete its rows from quire.edit, \
                 quire.peer and quire.snapshot {}.",
                of(key)
            ),
        )
    }

    /// A document without content.
    pub(super) fn no_edits(key: DocKey) -> Self {
        Self::new(
            "no_edits",
            key,
            "The document has no edits, not even its seed: it cannot be opened.",
            FROM_A_BACKUP,
        )
    }

    /// A row that is not an update, or not one that Loro takes.
    pub(super) fn unreadable(key: DocKey, edit_id: i64, error: impl Display) -> Self {
        Self::new(
            "unreadable_edit",
            key,
            format!(
                "Edit {edit_id} cannot be applied ({error}): every server sets it aside and shows the document without it."
            ),
            FROM_A_BACKUP,
        )
    }

    /// The row of older edits' operations is not what its columns say.
    pub(super) fn fold(key: DocKey) -> Self {
        Self::new(
            "fold",
            key,
            "The row of quire.fold, which has what the oldest edits did, cannot be applied or is not what its columns say: what was \
             folded is lost.",
            FROM_A_BACKUP,
        )
    }

    /// A row whose columns say something else than its update.
    pub(super) fn mislabelled(key: DocKey, edit_id: i64, row: &str, update: &str) -> Self {
        Self::new(
            "mislabelled_edit",
            key,
            format!("Edit {edit_id} says that it is {row}, and its update is {update}."),
            "Find out who wrote it by hand. Set peer_id, counter_start and counter_end of the row to what its update is.",
        )
    }

    /// Operations that are in no row, or in two.
    pub(super) fn peer(key: DocKey, peer: u64, says: &str) -> Self {
        Self::new(
            "edits",
            key,
            format!("Of peer {} {says}.", peer as i64),
            FROM_A_BACKUP,
        )
    }

    /// The peer's row is not where its edits end.
    pub(super) fn counter(key: DocKey, peer: u64, next_counter: Option<i32>, end: i32) -> Self {
        let peer = peer as i64;
        let (says, mend) = match next_counter {
            None => (
                format!(
                    "Peer {peer} has edits up to counter {end} and no row in quire.peer: nobody can go on with it."
                ),
                FROM_A_BACKUP.to_owned(),
            ),
            Some(next) if next < end => (
                format!(
                    "Peer {peer} has edits up to counter {end}, and quire.peer says {next}: its next edit would stand there twice."
                ),
                format!(
                    "update quire.peer set next_counter = {end} {} and peer_id = {peer}",
                    of(key)
                ),
            ),
            Some(next) => (
                format!(
                    "Peer {peer} has edits up to counter {end}, and quire.peer says {next}: edits are missing, and its client believes them safe."
                ),
                FROM_A_BACKUP.to_owned(),
            ),
        };
        Self::new("peer", key, says, mend)
    }

    /// Edits that are there and not part of the document.
    pub(super) fn hanging(key: DocKey, peer: u64, from: i32, to: i32) -> Self {
        Self::new(
            "hanging_edit",
            key,
            format!(
                "Operations {from} to {to} of peer {} build on others that are in no row: they are not part of the document.",
                peer as i64
            ),
            FROM_A_BACKUP,
        )
    }

    /// A snapshot that is not what the rows are.
    pub(super) fn snapshot(key: DocKey, says: impl Display) -> Self {
        Self::new(
            "snapshot",
            key,
            format!("The stored snapshot {says}."),
            format!(
                "delete from quire.snapshot {}: it is derived, servers read the edits instead. Restart servers that have the document open.",
                of(key)
            ),
        )
    }

    /// A stored text that is not what the rows say.
    pub(super) fn text(key: DocKey, says: impl Display) -> Self {
        Self::new(
            "text",
            key,
            format!("The stored text {says}."),
            format!(
                "delete from quire.document_text {}: it is derived, a server writes it anew.",
                of(key)
            ),
        )
    }
}

fn of(key: DocKey) -> String {
    format!(
        "where org_id = '{}' and document_id = '{}'",
        key.org_id, key.document_id
    )
}
