//! One connection of the feed from the first address tried to a stream that runs.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{ReadHalf, WriteHalf};

use super::Settings;
use super::address::{Address, Socket};
use super::connection::Connection;
use super::observer::Observer;
use super::shared::Shared;
use super::slot::{self, Attempt};
use super::standby::{self, Sources, Standby};
use super::status::State;
use super::wire::Frames;
use crate::change::Lsn;
use crate::config::FeedSource;
use crate::error::{Error, Kind, Result};
use crate::postgres::Server;

/// Beyond the wait for open transactions, what creating the slot may take.
const SLOT_PATIENCE: Duration = Duration::from_secs(30);
/// When a primary has answered, how long the other addresses are waited for: one of them may have
/// been promoted after it.
const OTHERS: Duration = Duration::from_secs(1);

/// A stream that runs.
pub(super) struct Session {
    /// Of the primary.
    pub address: Address,
    pub server: Server,
    /// Who streams, if it is not the primary.
    pub standby: Option<Source>,
    pub frames: Frames<ReadHalf<Socket>>,
    pub writer: WriteHalf<Socket>,
    pub observer: Observer,
    /// The form of the publication before the stream began.
    pub publication: String,
    /// Everything that commits from here on is streamed.
    pub start: Lsn,
    /// When all transactions below this number are visible, nothing from before the slot is hidden.
    pub settles_at: u64,
}

/// A standby that streams.
pub(super) struct Source {
    pub address: Address,
    pub observer: Observer,
}

/// Connects to the primary among the addresses; where several say that they are one, to the one that
/// was promoted last. Errors: an address's, with kind `Setting` where somebody must mend something.
pub(super) async fn connect(
    settings: &Settings,
    shared: &Arc<Shared>,
    sources: &mut Sources,
) -> Result<Session> {
    let addresses = Address::resolve(&settings.config).await?;
    let mut attempts: FuturesUnordered<_> = (0..)
        .zip(&addresses)
        .map(|(place, address)| reach_in_time(place, address, settings))
        .collect();
    let (mut primaries, mut standbys, mut failure) = (Vec::new(), Vec::new(), None);
    loop {
        let patience = if primaries.is_empty() {
            Duration::MAX
        } else {
            OTHERS
        };
        match tokio::time::timeout(patience, attempts.next()).await {
            Ok(Some(Ok(Reached::Primary(primary)))) => primaries.push(primary),
            Ok(Some(Ok(Reached::Standby(standby)))) => standbys.push(standby),
            Ok(Some(Err(e))) => {
                tracing::debug!(error = %e, "this database does not serve the feed");
                // That a standby is none says nothing while another may be the primary.
                let may_come = |e: &Error| e.kind() != Kind::Setting;
                failure = failure.filter(may_come).or(Some(e));
            }
            Ok(None) | Err(_) => break,
        }
    }
    drop(attempts);
    let followed = settings.lineage.server();
    let best = primaries
        .into_iter()
        .max_by_key(|primary| rank(followed, primary.server, primary.place));
    let Some(primary) = best else {
        return Err(failure.unwrap_or_else(only_standbys));
    };
    settings.lineage.may_follow(primary.server)?;
    if settings.source == FeedSource::Standby {
        if let Some(standby) = sources.choose(standbys, primary.server) {
            return open_standby(primary, standby, settings).await;
        }
        tracing::warn!("no standby can serve the feed now; the primary does");
    }
    open(primary, settings, shared).await
}

fn only_standbys() -> Error {
    Error::new(
        Kind::Setting,
        "only standbys answer; the feed needs the primary: name its host in DATABASE_URL too",
    )
}

/// What an address led to.
enum Reached {
    Primary(Primary),
    Standby(Standby),
}

/// Both connections to a primary.
struct Primary {
    /// Of its address, in the order of the setting.
    place: usize,
    address: Address,
    server: Server,
    connection: Connection,
    observer: Observer,
    publication: String,
}

/// Which of several primaries is preferred: of the cluster that was followed, promoted last, named
/// first.
fn rank(followed: Option<Server>, server: Server, place: usize) -> (bool, u32, Reverse<usize>) {
    let is_same = followed.is_some_and(|f| f.system_identifier == server.system_identifier);
    (is_same, server.timeline, Reverse(place))
}

async fn reach_in_time(place: usize, address: &Address, settings: &Settings) -> Result<Reached> {
    let patience = settings.connect_timeout();
    let reaching = tokio::time::timeout(patience, reach(place, address, settings));
    reaching.await.unwrap_or_else(|_| {
        Err(Error::new(
            Kind::Unavailable,
            format!("connect to Postgres at {address}: no answer within {patience:?}"),
        ))
    })
}

/// Both connections to one address, which must lead to one and the same database.
async fn reach(place: usize, address: &Address, settings: &Settings) -> Result<Reached> {
    let observer = Observer::connect(address, settings).await?;
    let publication = observer.publication(&settings.publication).await?;
    let name = &settings.application_name;
    let mut connection = Connection::open(address, &settings.config, &settings.tls, name).await?;
    let server = slot::identify(&mut connection).await?;
    if observer.server.is_some_and(|own| own != server) {
        return Err(Error::new(
            Kind::Setting,
            format!("{address} leads to several databases: name each of them in DATABASE_URL"),
        ));
    }
    slot::bound_wait(&mut connection, settings.slot_wait).await?;
    let address = address.clone();
    Ok(match observer.server {
        Some(_) => Reached::Primary(Primary {
            place,
            address,
            server,
            connection,
            observer,
            publication,
        }),
        None => Reached::Standby(Standby {
            address,
            connection,
            observer,
            server,
        }),
    })
}

/// Streams from a standby; its log begins where the primary's was when it was asked, or later.
async fn open_standby(
    primary: Primary,
    mut standby: Standby,
    settings: &Settings,
) -> Result<Session> {
    let Primary {
        address,
        server,
        observer,
        publication,
        ..
    } = primary;
    let name = slot_name()?;
    // Asked after the publication was read: what the standby streams was published like this.
    let reached = observer.log_end().await?;
    let start = standby::create_slot(&mut standby, &observer, reached, &name).await?;
    let settles_at = observer.next_number().await?;
    let (frames, writer) = slot::stream(standby.connection, &name, &settings.publication).await?;
    Ok(Session {
        address,
        server,
        standby: Some(Source {
            address: standby.address,
            observer: standby.observer,
        }),
        frames,
        writer,
        observer,
        publication,
        start,
        settles_at,
    })
}

async fn open(primary: Primary, settings: &Settings, shared: &Shared) -> Result<Session> {
    let Primary {
        address,
        server,
        mut connection,
        observer,
        publication,
        ..
    } = primary;
    let name = slot_name()?;
    let start = create_slot(&mut connection, &name, &observer, settings, shared).await?;
    // Right after the slot: what committed before it and is still hidden has a lower number. A
    // snapshot would not do: of hidden ones with the highest numbers it says nothing.
    let settles_at = observer.next_number().await?;
    let (frames, writer) = slot::stream(connection, &name, &settings.publication).await?;
    Ok(Session {
        address,
        server,
        standby: None,
        frames,
        writer,
        observer,
        publication,
        start,
        settles_at,
    })
}

async fn create_slot(
    connection: &mut Connection,
    name: &str,
    observer: &Observer,
    settings: &Settings,
    shared: &Shared,
) -> Result<Lsn> {
    let since = Instant::now();
    shared.set(|status| status.state = State::WaitingForSlot { since });
    loop {
        let creating = slot::create(connection, name);
        let attempt = tokio::time::timeout(settings.slot_wait + SLOT_PATIENCE, creating).await;
        let attempt = attempt.unwrap_or_else(|_| {
            Err(Error::new(
                Kind::Unavailable,
                "create the replication slot: the database does not answer",
            ))
        });
        if let Attempt::Created { consistent_point } = attempt? {
            return Ok(consistent_point);
        }
        let writer = observer.oldest_writer().await;
        tracing::warn!(
            waited_ms = since.elapsed().as_millis() as u64,
            oldest = writer.as_deref().unwrap_or("unknown"),
            "the feed waits: its slot is created when every transaction that is writing has ended"
        );
    }
}

/// A name that no other server has; temporary slots need one all the same.
fn slot_name() -> Result<String> {
    let random = getrandom::u64()
        .map_err(|e| Error::caused(Kind::Internal, "name the replication slot", e))?;
    Ok(format!("quire_feed_{random:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_primaries_the_one_promoted_last_is_preferred() {
        let server = |system_identifier, timeline| Server {
            system_identifier,
            timeline,
        };
        let best = |followed, servers: &[Server]| {
            let places = servers.iter().enumerate();
            places
                .max_by_key(|(place, server)| rank(followed, **server, *place))
                .map(|(place, _)| place)
                .expect("one is best")
        };
        assert_eq!(best(None, &[server(1, 1), server(1, 1)]), 0, "the order");
        assert_eq!(best(None, &[server(1, 1), server(1, 2)]), 1);
        let followed = Some(server(1, 1));
        assert_eq!(best(followed, &[server(2, 9), server(1, 1)]), 1);
        assert_eq!(best(followed, &[server(1, 3), server(1, 2)]), 0);
    }
}
