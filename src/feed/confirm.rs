//! The writing half of the stream, in a task of its own: the database hears from us about every
//! second even while nobody reads, and never of more than was applied.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use postgres_protocol::message::frontend::{self, CopyData};
use tokio::io::{AsyncWriteExt, WriteHalf};
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use super::address::Socket;
use super::pgoutput::status_update;
use super::shared::Shared;
use super::wire::broken;
use crate::error::{Error, Kind, Result};

/// What the reader wants written.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// The database asked: answer at once.
    pub answer: Notify,
    /// The database is silent: ask it to answer.
    pub ask: Notify,
    /// Nothing more is wanted: end the stream in order.
    pub end: Notify,
}

/// Writes status updates every `interval` until the stream is to end, then hands the writer back.
/// Errors: kind `Unavailable`.
pub(super) async fn confirm(
    mut writer: WriteHalf<Socket>,
    shared: Arc<Shared>,
    wishes: Arc<Wishes>,
    interval: Duration,
) -> Result<WriteHalf<Socket>> {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let wants_reply = tokio::select! {
            biased;
            () = wishes.end.notified() => break,
            () = wishes.ask.notified() => true,
            () = wishes.answer.notified() => false,
            _ = ticks.tick() => false,
        };
        write_status(&mut writer, &shared, wants_reply).await?;
    }
    write_status(&mut writer, &shared, false).await?;
    let mut out = BytesMut::new();
    frontend::copy_done(&mut out);
    writer.write_all(&out).await.map_err(broken)?;
    Ok(writer)
}

async fn write_status(
    writer: &mut WriteHalf<Socket>,
    shared: &Shared,
    wants_reply: bool,
) -> Result<()> {
    let (received, confirmed) = shared.confirm();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_us = now.map_or(0, |now| now.as_micros() as i64);
    let update = status_update(received, confirmed, now_us, wants_reply);
    let update = CopyData::new(&update[..])
        .map_err(|e| Error::caused(Kind::Internal, "write a status update", e))?;
    let mut out = BytesMut::new();
    update.write(&mut out);
    writer.write_all(&out).await.map_err(broken)
}
