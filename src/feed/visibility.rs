//! Watches what is visible in the database: empties the ring, and says when nothing from before
//! the slot can be hidden any more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::Settings;
use super::address::Address;
use super::backoff::delay;
use super::observer::Observer;
use super::shared::Shared;
use crate::error::{Error, Kind, Result};

/// How often the log's end is looked at while there is nothing else to look for.
const IDLE: Duration = Duration::from_secs(5);

/// How soon it looks again for what was hidden at the start; doubles up to the usual interval.
const UNSETTLED: Duration = Duration::from_millis(5);

/// Runs until it is dropped. `settled` is told when every transaction below `settles_at` is visible.
pub(super) async fn watch(
    mut observer: Observer,
    address: Address,
    settings: Settings,
    shared: Arc<Shared>,
    settles_at: u64,
    settled: oneshot::Sender<()>,
) {
    let mut settled = Some(settled);
    let mut failures = 0;
    loop {
        let looked = look(&observer, &shared, settles_at, &mut settled, &settings).await;
        let Err(e) = looked;
        tracing::warn!(error = %e, "what is visible cannot be read; trying again");
        // The stream may go on all the while; the ring keeps what it has.
        loop {
            let random = getrandom::u64().unwrap_or_default();
            tokio::time::sleep(delay(failures, random)).await;
            match again(&observer, &address, &settings).await {
                Ok(next) => {
                    observer = next;
                    failures = 0;
                    break;
                }
                Err(e) => {
                    failures = failures.saturating_add(1);
                    tracing::debug!(error = %e, "the connection that watches visibility");
                }
            }
        }
    }
}

async fn look(
    observer: &Observer,
    shared: &Shared,
    settles_at: u64,
    settled: &mut Option<oneshot::Sender<()>>,
    settings: &Settings,
) -> Result<std::convert::Infallible> {
    let mut unsettled = UNSETTLED;
    loop {
        let (snapshot, flushed) = observer.snapshot().await?;
        shared.evict(&snapshot, flushed);
        if snapshot.has_passed(settles_at) {
            if let Some(settled) = settled.take() {
                // If nobody listens, the stream has ended and so does this task.
                let _ = settled.send(());
            }
        }
        let is_empty = shared.ring().is_empty();
        if settled.is_some() {
            unsettled = (2 * unsettled).min(settings.visibility_interval);
            tokio::time::sleep(unsettled).await;
        } else {
            if is_empty {
                let _ = tokio::time::timeout(IDLE, shared.filled.notified()).await;
            }
            tokio::time::sleep(settings.visibility_interval).await;
        }
    }
}

/// Another connection to the same server. Errors also when a different one answers.
async fn again(before: &Observer, address: &Address, settings: &Settings) -> Result<Observer> {
    let connecting = Observer::connect(address, settings);
    let observer = tokio::time::timeout(settings.connect_timeout(), connecting)
        .await
        .map_err(|e| Error::caused(Kind::Unavailable, "connect to the database", e))??;
    if observer.server != before.server {
        return Err(Error::new(
            Kind::Unavailable,
            "another database answers than the one that is streamed",
        ));
    }
    Ok(observer)
}
