//! Who may still listen, asked in the tables: for what the feed could not bring.

use std::collections::HashSet;

use uuid::Uuid;

use super::Presence;
use super::state::Places;
use crate::document::trial::DocKey;
use crate::error::Result;
use crate::postgres::failed;

const LISTENER_PERMISSIONS: &str = include_str!("../../sql/listener_permissions.sql");

impl Presence {
    /// Changes may have been missed: whoever may not read a room's document any more is told nothing
    /// more of it.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn recheck(&self) -> Result<()> {
        let listeners: Vec<(DocKey, Uuid)> = {
            let state = self.state();
            let of = |(room, places): (&DocKey, &Places)| {
                let accounts: HashSet<Uuid> =
                    places.readers.values().map(|l| l.account_id).collect();
                accounts
                    .into_iter()
                    .map(move |id| (*room, id))
                    .collect::<Vec<_>>()
            };
            state.rooms.iter().flat_map(of).collect()
        };
        if listeners.is_empty() {
            return Ok(());
        }
        let column = |of: fn(&(DocKey, Uuid)) -> Uuid| listeners.iter().map(of).collect::<Vec<_>>();
        let pool = &self.shared.pool;
        let client = pool.get().await.map_err(failed("look up listeners"))?;
        let rows = client
            .query(
                LISTENER_PERMISSIONS,
                &[
                    &column(|(room, _)| room.org_id),
                    &column(|(room, _)| room.document_id),
                    &column(|(_, account_id)| *account_id),
                ],
            )
            .await
            .map_err(failed("look up listeners"))?;
        let allowed: HashSet<(DocKey, Uuid)> = rows
            .iter()
            .map(|row| {
                let room = DocKey {
                    org_id: row.get("org_id"),
                    document_id: row.get("document_id"),
                };
                (room, row.get("account_id"))
            })
            .collect();
        for (room, account_id) in listeners.iter().filter(|pair| !allowed.contains(pair)) {
            self.suspend(|key| key == room, Some(*account_id));
        }
        Ok(())
    }
}
