//! What the feed could not bring is asked in the tables: who may still listen, and what is to be told.

use std::collections::HashSet;

use uuid::Uuid;

use super::Presence;
use super::facts::{COMMENTS, DOCUMENT, comments, document};
use super::state::Places;
use crate::document::trial::DocKey;
use crate::error::Result;
use crate::postgres::failed;

const LISTENER_PERMISSIONS: &str = include_str!("../../sql/listener_permissions.sql");
const TITLES: &str = include_str!("../../sql/titles.sql");

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
            .map(|row| (DocKey::of(row), row.get("account_id")))
            .collect();
        for (room, account_id) in listeners.iter().filter(|pair| !allowed.contains(pair)) {
            self.suspend(|key| key == room, Some(*account_id));
        }
        Ok(())
    }

    /// Changes may have been missed: everybody is told the title once more, and to read the comments
    /// again.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn refresh(&self) -> Result<()> {
        let rooms: Vec<DocKey> = {
            let state = self.state();
            let listened = |(_, places): &(&DocKey, &Places)| !places.readers.is_empty();
            state
                .rooms
                .iter()
                .filter(listened)
                .map(|(room, _)| *room)
                .collect()
        };
        if rooms.is_empty() {
            return Ok(());
        }
        let column = |of: fn(&DocKey) -> Uuid| rooms.iter().map(of).collect::<Vec<_>>();
        let client = self
            .shared
            .pool
            .get()
            .await
            .map_err(failed("read titles"))?;
        let rows = client
            .query(
                TITLES,
                &[
                    &column(|room| room.org_id),
                    &column(|room| room.document_id),
                ],
            )
            .await
            .map_err(failed("read titles"))?;
        let state = self.state();
        for row in rows {
            let room = DocKey::of(&row);
            if let Some(places) = state.rooms.get(&room) {
                places.tell(room, DOCUMENT, &document(row.get("title")));
                places.tell(room, COMMENTS, &comments());
            }
        }
        Ok(())
    }
}
