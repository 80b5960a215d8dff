//! A standby as the source of the stream, so that the primary's work does not grow with the number of
//! servers: which one is fit for it, its slot, and when it is given up. Everything else (what is
//! visible, leases, commits) stays with the primary.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::mpsc;

use super::Settings;
use super::address::Address;
use super::connection::Connection;
use super::observer::Observer;
use super::shared::Shared;
use super::slot::{self, Attempt};
use crate::change::Lsn;
use crate::error::{Error, Kind, Result};
use crate::postgres::Server;

/// How long a standby may take to come to where the primary was when it was asked.
const CATCH_UP: Duration = Duration::from_secs(3);
/// How often it is looked at while it catches up, or makes its slot.
const LOOK: Duration = Duration::from_millis(20);
/// How long its slot may take: each transaction that is open on the primary is waited for.
const SLOT: Duration = Duration::from_secs(20);
/// How often the primary is asked to describe its transactions while a slot waits for that.
const NUDGE: Duration = Duration::from_millis(200);

/// A standby that answers.
pub(super) struct Standby {
    pub address: Address,
    pub connection: Connection,
    pub observer: Observer,
    /// The log that it follows.
    pub server: Server,
}

/// Which standbys were tried, and when one has failed.
#[derive(Debug, Default)]
pub(super) struct Sources {
    rests_until: HashMap<String, Instant>,
    used: Option<String>,
    /// Not for the attempt that follows, however long its pause is.
    failed_last: Option<String>,
}

impl Sources {
    /// One that follows the primary's log, by chance, so that servers spread over them; none: the
    /// primary itself.
    pub fn choose(&mut self, mut standbys: Vec<Standby>, primary: Server) -> Option<Standby> {
        let now = Instant::now();
        self.rests_until.retain(|_, until| *until > now);
        let failed_last = self.failed_last.take();
        standbys.retain(|standby| {
            let address = standby.address.to_string();
            let rests = self.rests_until.contains_key(&address);
            let is_fit = standby.observer.decodes_on_standby && standby.server == primary;
            is_fit && !rests && failed_last != Some(address)
        });
        let random = getrandom::u64().unwrap_or_default() as usize;
        let count = standbys.len();
        let chosen = (count > 0).then(|| standbys.swap_remove(random % count));
        self.used = chosen.as_ref().map(|standby| standby.address.to_string());
        chosen
    }

    /// The stream, or the attempt, has ended: the standby that was used is left alone for a while.
    pub fn note_failure(&mut self, rest: Duration) {
        if let Some(address) = self.used.take() {
            self.failed_last = Some(address.clone());
            self.rests_until.insert(address, Instant::now() + rest);
        }
    }
}

/// Creates the slot on a standby. It begins after `reached`, which is where the primary was.
pub(super) async fn create_slot(
    standby: &mut Standby,
    primary: &Observer,
    reached: Lsn,
    name: &str,
) -> Result<Lsn> {
    catch_up(&standby.address, &standby.observer, primary, reached).await?;
    let creating = slot::create(&mut standby.connection, name);
    let nudging = async {
        loop {
            // Not every role may; then the slot comes with the primary's own next description.
            if let Err(error) = primary.log_standby_snapshot().await {
                tracing::debug!(%error, "describe the transactions for a standby");
            }
            tokio::time::sleep(NUDGE).await;
        }
    };
    let created = async {
        tokio::select! {
            created = creating => created,
            () = nudging => unreachable!("it goes on until it is dropped"),
        }
    };
    let attempt = tokio::time::timeout(SLOT, created).await;
    match attempt.map_err(|_| ()) {
        Ok(Ok(Attempt::Created { consistent_point })) => Ok(consistent_point),
        Ok(Err(error)) => Err(error),
        Ok(Ok(Attempt::StillWaiting)) | Err(()) => Err(Error::new(
            Kind::Unavailable,
            format!(
                "the standby {} has made no slot within {SLOT:?}: is a transaction open for long, or may \
                 the role not run pg_log_standby_snapshot()?",
                standby.address
            ),
        )),
    }
}

/// Waits until it has replayed what the primary had written: nothing that was read is ahead of its slot.
async fn catch_up(
    address: &Address,
    standby: &Observer,
    primary: &Observer,
    reached: Lsn,
) -> Result<()> {
    // What is written and not flushed would not reach it while the primary is idle.
    let flushed = primary.log_standby_snapshot().await;
    let catching_up = async {
        while standby.position().await?.replayed < reached {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    };
    match tokio::time::timeout(CATCH_UP, catching_up).await {
        Ok(caught_up) => caught_up,
        Err(_) => {
            let why = flushed.err().map(|error| format!(" ({error})"));
            Err(Error::new(
                Kind::Unavailable,
                format!(
                    "the standby {address} is more than {CATCH_UP:?} behind{}",
                    why.unwrap_or_default()
                ),
            ))
        }
    }
}

/// Looks at the standby that streams until it is not fit for it any more, and says why.
pub(super) async fn follow(
    observer: Observer,
    server: Server,
    settings: Settings,
    shared: Arc<Shared>,
    failed: mpsc::Sender<Error>,
) {
    let mut behind: Option<(Lsn, Instant)> = None;
    let reason = loop {
        tokio::time::sleep(settings.standby_lag / 5).await;
        let position = match observer.position().await {
            Ok(position) => position,
            Err(error) => break error.to_string(),
        };
        if !position.is_standby {
            break "the standby that streams was promoted".to_owned();
        }
        if position.timeline > server.timeline {
            break format!(
                "the standby that streams follows timeline {}",
                position.timeline
            );
        }
        // The oldest place of the primary's log that it has not come to.
        behind = behind.filter(|(place, _)| position.replayed < *place);
        let flushed = shared.flushed();
        if behind.is_none() && position.replayed < flushed {
            behind = Some((flushed, Instant::now()));
        }
        if behind.is_some_and(|(_, since)| since.elapsed() > settings.standby_lag) {
            break format!(
                "the standby that streams is more than {:?} behind",
                settings.standby_lag
            );
        }
    };
    // If nobody listens, the stream has ended.
    let _ = failed.try_send(Error::new(Kind::Unavailable, reason));
}

/// While the primary streams because no standby was fit for it: waits until one is, and says so.
pub(super) async fn await_standby(
    server: Server,
    settings: Settings,
    shared: Arc<Shared>,
    failed: mpsc::Sender<Error>,
) {
    loop {
        tokio::time::sleep(settings.standby_rest).await;
        let Ok(addresses) = Address::resolve(&settings.config).await else {
            continue;
        };
        let looks = addresses
            .iter()
            .map(|address| is_fit(address, server, &settings, &shared));
        if join_all(looks).await.contains(&true) {
            let context = "a standby can stream again";
            // If nobody listens, the stream has ended.
            let _ = failed.try_send(Error::new(Kind::Unavailable, context));
            return;
        }
    }
}

/// Whether there is a standby that keeps up with this log.
async fn is_fit(address: &Address, server: Server, settings: &Settings, shared: &Shared) -> bool {
    let looking = async {
        let observer = Observer::connect(address, settings).await?;
        let flushed = shared.flushed();
        loop {
            let position = observer.position().await?;
            if !position.is_standby || position.timeline != server.timeline {
                return Ok(false);
            }
            if position.replayed >= flushed {
                return Ok::<_, Error>(true);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let looked = tokio::time::timeout(settings.connect_timeout(), looking).await;
    matches!(looked, Ok(Ok(true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standby_that_failed_is_left_alone_for_a_while() {
        let mut sources = Sources {
            used: Some("one:5432".to_owned()),
            ..Sources::default()
        };
        let rest = Duration::from_secs(60);
        sources.note_failure(rest);
        sources.note_failure(rest);
        assert_eq!(sources.rests_until.len(), 1);
        let server = Server {
            system_identifier: 1,
            timeline: 1,
        };
        assert!(sources.choose(Vec::new(), server).is_none());
        assert!(sources.rests_until.contains_key("one:5432"));
    }
}
