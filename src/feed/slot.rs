//! The replication commands: which log is this, a temporary slot on it, and the stream itself. The
//! slot lives as long as its connection, so a server that dies keeps nothing back.

use std::time::Duration;

use tokio::io::{ReadHalf, WriteHalf};

use super::address::Socket;
use super::connection::Connection;
use super::wire::{Frames, Refusal, unexpected};
use crate::change::Lsn;
use crate::error::Result;
use crate::postgres::Server;

/// What one attempt to create the slot came to.
pub(super) enum Attempt {
    /// Everything that commits from here on is streamed.
    Created { consistent_point: Lsn },
    /// A transaction that was open before is open still.
    StillWaiting,
}

/// Which cluster and timeline the connection leads to.
pub(super) async fn identify(connection: &mut Connection) -> Result<Server> {
    let doing = "identify the database's log";
    let rows = connection.query(doing, "IDENTIFY_SYSTEM").await?;
    let row = rows.first().ok_or_else(|| unexpected(doing))?;
    let field = |index: usize| row.get(index).and_then(Option::as_deref);
    let system_identifier = field(0).and_then(|id| id.parse().ok());
    let timeline = field(1).and_then(|timeline| timeline.parse().ok());
    match (system_identifier, timeline) {
        (Some(system_identifier), Some(timeline)) => Ok(Server {
            system_identifier,
            timeline,
        }),
        _ => Err(unexpected(doing)),
    }
}

/// Bounds how long each later attempt waits for open transactions.
pub(super) async fn bound_wait(connection: &mut Connection, wait: Duration) -> Result<()> {
    let sql = format!("set lock_timeout = {}", wait.as_millis().max(1));
    // statement_timeout, which the address may set, does not end this wait but would end the stream.
    connection
        .query("bound the wait for the slot", &sql)
        .await?;
    let sql = "set statement_timeout = 0";
    connection
        .query("lift the bound on the stream", sql)
        .await?;
    Ok(())
}

/// Tries to create the slot; the database waits for every transaction that is writing.
pub(super) async fn create(connection: &mut Connection, name: &str) -> Result<Attempt> {
    let doing = "create the replication slot";
    let command =
        format!("CREATE_REPLICATION_SLOT \"{name}\" TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT");
    let rows = match connection.try_query(doing, &command).await? {
        Ok(rows) => rows,
        Err(refusal) if refusal.code == Refusal::LOCK_TIMEOUT => {
            return Ok(Attempt::StillWaiting);
        }
        Err(refusal) => return Err(refusal.into_error(doing)),
    };
    let point = rows.first().and_then(|row| row.get(1)?.as_deref());
    let consistent_point = point.and_then(|point| point.parse().ok());
    consistent_point
        .map(|consistent_point| Attempt::Created { consistent_point })
        .ok_or_else(|| unexpected(doing))
}

/// Starts the stream of what `publication` publishes.
pub(super) async fn stream(
    connection: Connection,
    name: &str,
    publication: &str,
) -> Result<(Frames<ReadHalf<Socket>>, WriteHalf<Socket>)> {
    let publication = publication.replace('"', "\"\"").replace('\'', "''");
    let command = format!(
        "START_REPLICATION SLOT \"{name}\" LOGICAL 0/0 (proto_version '1', \
         publication_names '\"{publication}\"', binary 'true', messages 'true')"
    );
    connection.stream("start the stream", &command).await
}
