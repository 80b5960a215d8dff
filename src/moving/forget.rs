//! What an organisation that has moved left behind, deleted: only on demand, and only when the other database
//! serves it and has all that is here.

use std::collections::HashMap;

use uuid::Uuid;

use super::side::Side;
use super::{Settings, both_alone, copy};
use crate::error::{Error, Kind, Result};

const MOVE_PEERS: &str = include_str!("../../sql/move_peers.sql");

/// Deletes the organisation's rows at `settings.from`. Accounts stay, and servers go on saying where it is.
///
/// # Errors
/// `Conflict` when it has not moved there, or something is missing there; else as the databases fail.
pub async fn forget(settings: &Settings) -> Result<()> {
    let org_id = settings.org_id;
    let from = Side::reach("the source", &settings.from).await?;
    let to = Side::reach("the target", &settings.to).await?;
    copy::check_may_copy(&from).await?;
    let _alone = both_alone(&from, &to, org_id).await?;
    let (source, target) = (from.placed(org_id).await?, to.placed(org_id).await?);
    let is_served = target.is("here") && target.is_there && source.move_id == target.move_id;
    if !source.is("moved") || !is_served {
        let says =
            "the organisation has not moved from this source to this target; nothing was deleted";
        return Err(Error::new(Kind::Conflict, says));
    }
    let (here, there) = (peers(&from, org_id).await?, peers(&to, org_id).await?);
    let reaches = |key: &(Uuid, i64)| there.get(key).copied().unwrap_or(-1);
    if let Some(((document_id, _), _)) = here.iter().find(|(key, next)| reaches(key) < **next) {
        let says = format!("the target lacks edits of document {document_id}; nothing was deleted");
        return Err(Error::new(Kind::Conflict, says));
    }
    let mut client = from.client().await?;
    copy::clear(&from, &mut client, org_id).await
}

/// How far each peer has written.
async fn peers(side: &Side, org_id: Uuid) -> Result<HashMap<(Uuid, i64), i32>> {
    let client = side.client().await?;
    let rows = client
        .query(MOVE_PEERS, &[&org_id])
        .await
        .map_err(side.failed("read peers"))?;
    let peers = rows.iter().map(|row| {
        (
            (row.get("document_id"), row.get("peer_id")),
            row.get("next_counter"),
        )
    });
    Ok(peers.collect())
}
