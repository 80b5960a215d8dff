//! Watches what is visible in the database: empties the ring, and says when nothing from before
//! the slot can be hidden any more. Watches the publication too: what it does not bring would be
//! committed, acknowledged and shown to nobody, and the stream itself says nothing of it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

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

/// How often the publication is looked at.
const PUBLICATION: Duration = Duration::from_secs(1);

/// What is looked for.
pub(super) struct Goal {
    /// `settled` is told when every transaction below this number is visible.
    pub settles_at: u64,
    pub settled: Option<oneshot::Sender<()>>,
    /// The publication's form when the stream began; `changed` is told when it has another one.
    pub publication: String,
    pub changed: mpsc::Sender<Error>,
}

/// Runs until it is dropped.
pub(super) async fn watch(
    mut observer: Observer,
    address: Address,
    settings: Settings,
    shared: Arc<Shared>,
    mut goal: Goal,
) {
    let mut failures = 0;
    loop {
        let (form, changed) = (goal.publication.clone(), goal.changed.clone());
        let looked = tokio::try_join!(
            look(&observer, &shared, &mut goal, &settings),
            look_at_publication(&observer, &shared, &form, &changed, &settings),
        );
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
    goal: &mut Goal,
    settings: &Settings,
) -> Result<Infallible> {
    let mut unsettled = UNSETTLED;
    loop {
        let (snapshot, flushed) = observer.snapshot().await?;
        shared.evict(&snapshot, flushed);
        if snapshot.has_passed(goal.settles_at) {
            if let Some(settled) = goal.settled.take() {
                // If nobody listens, the stream has ended and so does this task.
                let _ = settled.send(());
            }
        }
        let is_empty = shared.ring().is_empty();
        if goal.settled.is_some() {
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

/// A change ends the stream, also one that was taken back: the next one shows whether all is well, and
/// documents are read again then.
async fn look_at_publication(
    observer: &Observer,
    shared: &Shared,
    form: &str,
    changed: &mpsc::Sender<Error>,
    settings: &Settings,
) -> Result<Infallible> {
    loop {
        let asked_at = Instant::now();
        let error = match observer.publication(&settings.publication).await {
            Ok(now) if now == form => None,
            Ok(_) => Some(Error::new(
                Kind::Unavailable,
                format!("the publication {} was changed", settings.publication),
            )),
            Err(error) if error.kind() == Kind::Setting => Some(error),
            Err(error) => return Err(error),
        };
        match error {
            None => shared.published(asked_at),
            // If nobody listens, the stream has ended.
            Some(error) => drop(changed.try_send(error)),
        }
        tokio::time::sleep(PUBLICATION).await;
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
