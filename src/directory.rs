//! Where organisations are served that are not served here: those that have moved to another database, and
//! those that are arriving from one. What a server knows of it is for its answers; that nobody writes where
//! an organisation is not served is settled in the database, in the transaction that writes.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use deadpool_postgres::Transaction;
use uuid::Uuid;

use crate::change::Placed;
use crate::error::{Error, Kind, Result};
use crate::postgres::{Pool, failed};

const FIND_PLACEMENT: &str = include_str!("../sql/find_placement.sql");
const LIST_PLACEMENTS: &str = include_str!("../sql/list_placements.sql");

/// Organisations that are served elsewhere, as the log has told it. Cheap to clone; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    elsewhere: Arc<RwLock<HashMap<Uuid, Placed>>>,
}

impl Directory {
    /// Takes what the tables say in the place of what was known: the log may not have told everything.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn read(&self, pool: &Pool) -> Result<()> {
        let client = pool.get().await.map_err(failed("read the directory"))?;
        let rows = client
            .query(LIST_PLACEMENTS, &[])
            .await
            .map_err(failed("read the directory"))?;
        let placed = rows.iter().map(|row| {
            let placed = Placed {
                state: row.get("state"),
                addresses: row.get("addresses"),
            };
            (row.get("org_id"), placed)
        });
        *self.write() = placed.collect();
        Ok(())
    }

    /// The log says where an organisation is from now on.
    pub fn note(&self, org_id: Uuid, placed: &Placed) {
        if placed.is_here() {
            self.write().remove(&org_id);
        } else {
            self.write().insert(org_id, placed.clone());
        }
    }

    /// Lets pass what is about an organisation that is served here.
    ///
    /// # Errors
    /// `Elsewhere`, with the addresses in its words; `Unavailable` while it arrives.
    pub fn check(&self, org_id: Uuid) -> Result<()> {
        let elsewhere = self
            .elsewhere
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        elsewhere.get(&org_id).map_or(Ok(()), refuse)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<Uuid, Placed>> {
        self.elsewhere
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets pass whoever writes in an organisation that is served here, and holds its authority: it cannot be
/// closed before this transaction ends.
///
/// # Errors
/// As [`Directory::check`]; when the database cannot be asked.
pub async fn check_served_here(transaction: &Transaction<'_>, org_id: Uuid) -> Result<()> {
    let doing = "look where the organisation is";
    let statement = transaction.prepare_cached(FIND_PLACEMENT).await;
    let row = transaction
        .query_opt(&statement.map_err(failed(doing))?, &[&org_id])
        .await
        .map_err(failed(doing))?;
    let placed = row.map(|row| Placed {
        state: row.get("state"),
        addresses: row.get("addresses"),
    });
    placed.map_or(Ok(()), |placed| refuse(&placed))
}

fn refuse(placed: &Placed) -> Result<()> {
    if placed.is_here() {
        return Ok(());
    }
    Err(match placed.moved_to() {
        Some(says) => Error::new(Kind::Elsewhere, says),
        None => Error::new(Kind::Unavailable, "the organisation is still arriving here"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(state: &str) -> Placed {
        Placed {
            state: state.to_owned(),
            addresses: vec!["http://a".to_owned(), "http://b".to_owned()],
        }
    }

    #[test]
    fn only_what_is_served_here_passes() {
        let (directory, org_id) = (Directory::default(), Uuid::max());
        assert!(directory.check(org_id).is_ok());
        for (state, kind) in [
            ("moving", None),
            ("arriving", Some(Kind::Unavailable)),
            ("here", None),
            ("moved", Some(Kind::Elsewhere)),
            ("a state of a newer Quire", Some(Kind::Unavailable)),
        ] {
            directory.note(org_id, &placed(state));
            let refused = directory.check(org_id).err().map(|error| error.kind());
            assert_eq!(refused, kind, "{state}");
            assert!(directory.check(Uuid::nil()).is_ok());
        }
        directory.note(org_id, &placed("moved"));
        let error = directory.check(org_id).expect_err("it has moved");
        assert!(
            error
                .public_message()
                .ends_with("moved to http://a http://b")
        );
    }
}
