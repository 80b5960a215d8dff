//! What every host of the address is doing now: who is the primary, how far its standbys are, who streams
//! from whom, which slots keep the log. Asked side by side, over connections that are kept between two looks.

use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio_postgres::{Client, Config};

use super::doctor::connection::place;
use super::doctor::feed::{read_slots, wrong_slot};
use super::doctor::hosts::{Told, judge, told};
use super::doctor::{Finding, Limits, Slot};
use super::hosts::places;
use super::{Tls, config, failed, tls};
use crate::change::Lsn;
use crate::error::{Error, Kind, Result};

const OVERVIEW_STREAMS: &str = include_str!("../../sql/overview_streams.sql");

/// How long one host may take to answer everything.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// The hosts of an address.
pub struct Topology {
    config: Config,
    tls: Tls,
    limits: Limits,
    hosts: Mutex<Vec<Kept>>,
}

/// A host, with a connection to it while there is one.
struct Kept {
    name: String,
    config: Config,
    client: Option<Client>,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct View {
    /// None while none answers. Of several the one promoted last.
    pub primary: Option<Primary>,
    /// The other hosts: standbys, and whatever does not answer.
    pub replicas: Vec<Replica>,
    /// Who is sent the log.
    pub streams: Vec<Stream>,
    pub slots: Vec<Slot>,
    #[serde(skip)]
    pub findings: Vec<Finding>,
}

/// The primary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Primary {
    pub host: String,
    pub timeline: u32,
    /// Where its log ends: `16/B374D848`.
    pub position: String,
}

/// A host that is not the primary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replica {
    pub host: String,
    /// It answers. If not, nothing else is known.
    pub is_reachable: bool,
    /// Its replay is paused.
    pub is_paused: bool,
    /// It is connected to whom it follows.
    pub is_receiving: bool,
    /// Up to here it has replayed.
    pub replayed: Option<String>,
    /// Log of the primary that it has not replayed, in bytes.
    pub behind_bytes: Option<i64>,
    /// How old what it shows may be, in milliseconds.
    pub lag_ms: Option<i64>,
}

/// Somebody who is sent the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stream {
    /// The host that sends.
    pub host: String,
    /// What the receiver calls itself.
    pub name: String,
    /// Its network address; `local` on the same machine.
    pub address: String,
    /// It is sent rows, as Quire's servers are; else the log as it is, as standbys are.
    pub is_logical: bool,
    pub state: Option<String>,
    /// Whether commits wait for it: `async`, `sync`, `quorum`, `potential`.
    pub sync_state: Option<String>,
    /// Log that it has not confirmed, in bytes.
    pub behind_bytes: Option<i64>,
    /// How long after the primary it had what it confirmed last, in milliseconds.
    pub lag_ms: Option<i64>,
}

/// What one host answered.
struct Seen {
    told: Told,
    streams: Vec<Stream>,
    slots: Vec<Slot>,
}

impl Topology {
    /// The hosts of `database_url`. Nothing is connected yet. Errors: [`Kind::Setting`] when it cannot be
    /// read.
    pub fn new(database_url: &str, limits: Limits) -> Result<Self> {
        let mut config = config(database_url)?;
        config
            .application_name("quire_overview")
            .options("-c statement_timeout=1s -c lock_timeout=1s")
            .connect_timeout(PATIENCE);
        Ok(Self {
            tls: tls(&config)?,
            config,
            limits,
            hosts: Mutex::default(),
        })
    }

    /// Looks at all hosts: 1.5 s at most, and as long again where their names must be resolved.
    pub async fn look(&self) -> View {
        let mut hosts = self.hosts.lock().await;
        if hosts.is_empty() {
            // A name that nobody resolves in time is a place that does not answer.
            let places = tokio::time::timeout(PATIENCE, places(&self.config)).await;
            let places = places.unwrap_or_else(|_| vec![self.config.clone()]);
            *hosts = places.into_iter().map(Kept::new).collect();
        }
        let asked = join_all(hosts.iter_mut().map(|host| host.look(&self.tls))).await;
        let names = hosts.iter().map(|host| host.name.clone());
        let named: Vec<(String, Result<Seen>)> = names.zip(asked).collect();
        if named.iter().any(|(_, asked)| asked.is_err()) {
            // Its name may lead to another address by now.
            hosts.clear();
        }
        View::of(named, &self.limits)
    }

    /// Closes the connections; the next look opens others.
    pub fn rest(&self) {
        if let Ok(mut hosts) = self.hosts.try_lock() {
            hosts.clear();
        }
    }
}

impl Kept {
    fn new(config: Config) -> Self {
        Self {
            name: place(&config),
            config,
            client: None,
        }
    }

    async fn look(&mut self, tls: &Tls) -> Result<Seen> {
        // A connection whose answer did not come in time is not used again.
        let kept = self.client.take().filter(|client| !client.is_closed());
        let looking = async {
            let client = match kept {
                Some(client) => client,
                None => connect(&self.config, tls).await?,
            };
            let seen = see(&client, &self.name).await?;
            Ok((client, seen))
        };
        let late = || Error::new(Kind::Unavailable, format!("no answer within {PATIENCE:?}"));
        let looked = tokio::time::timeout(PATIENCE, looking).await;
        let (client, seen) = looked.unwrap_or_else(|_| Err(late()))?;
        self.client = Some(client);
        Ok(seen)
    }
}

async fn connect(config: &Config, tls: &Tls) -> Result<Client> {
    let connected = config.connect(tls.clone()).await;
    let (client, connection) = connected.map_err(failed("connect to it"))?;
    tokio::spawn(async move {
        // Its end shows in the next question.
        let _ = connection.await;
    });
    Ok(client)
}

async fn see(client: &Client, host: &str) -> Result<Seen> {
    let (told, slots, rows) = tokio::try_join!(told(client), read_slots(client), async {
        let rows = client.query(OVERVIEW_STREAMS, &[]).await;
        rows.map_err(failed("read who is sent the log"))
    })?;
    let streams = rows.iter().map(|row| Stream {
        host: host.to_owned(),
        name: row.get("name"),
        address: row.get("address"),
        is_logical: row.get("is_logical"),
        state: row.get("state"),
        sync_state: row.get("sync_state"),
        behind_bytes: row.get("behind_bytes"),
        lag_ms: row.get("lag_ms"),
    });
    let streams = streams.collect();
    Ok(Seen {
        told,
        streams,
        slots,
    })
}

impl View {
    fn of(named: Vec<(String, Result<Seen>)>, limits: &Limits) -> Self {
        let (mut view, mut hosts) = (Self::default(), Vec::new());
        for (name, seen) in named {
            let told = seen.map(|seen| {
                let wrong = seen
                    .slots
                    .iter()
                    .filter_map(|slot| wrong_slot(slot, limits));
                view.findings.extend(wrong);
                view.slots.extend(seen.slots);
                view.streams.extend(seen.streams);
                seen.told
            });
            hosts.push((name, told));
        }
        let primary = hosts
            .iter()
            .filter_map(|(name, told)| {
                let identity = &told.as_ref().ok()?.identity;
                Some((name, identity.server?.timeline, identity.position))
            })
            .max_by_key(|(_, timeline, _)| *timeline);
        let (primary_name, end) = (
            primary.map(|(name, ..)| name.clone()),
            primary.map(|(.., end)| end),
        );
        view.primary = primary.map(|(name, timeline, position)| Primary {
            host: name.clone(),
            timeline,
            position: position.to_string(),
        });
        view.replicas = hosts
            .iter()
            .filter(|(name, _)| Some(name) != primary_name.as_ref())
            .map(|(name, told)| replica(name, told.as_ref().ok(), end))
            .collect();
        view.findings.extend(match &hosts[..] {
            [(name, Err(error))] => vec![out_of_reach(name, error)],
            [_] => Vec::new(),
            _ => judge(&hosts, limits),
        });
        if view.replicas.is_empty() {
            let streams = view.streams.iter();
            view.findings
                .extend(streams.filter_map(|stream| late(stream, limits)));
        }
        view
    }
}

fn replica(name: &str, told: Option<&Told>, end: Option<Lsn>) -> Replica {
    let standby = told.and_then(|told| told.standby.as_ref());
    let behind = |replayed: i64| end.map(|end| (end.0 as i64 - replayed).max(0));
    let behind_bytes = standby.and_then(|standby| behind(standby.replayed));
    Replica {
        host: name.to_owned(),
        is_reachable: told.is_some(),
        is_paused: standby.is_some_and(|standby| standby.is_paused),
        is_receiving: standby.is_some_and(|standby| standby.is_receiving),
        replayed: standby.map(|standby| Lsn(standby.replayed as u64).to_string()),
        behind_bytes,
        lag_ms: standby.and_then(|standby| standby.lag_ms),
    }
}

fn out_of_reach(name: &str, error: &Error) -> Finding {
    Finding::error(
        "connection",
        format!("The database at {name} does not answer: {error}."),
        "Start Postgres there, or correct host and port in DATABASE_URL; look for a firewall in between.",
    )
}

/// A standby that is not among the hosts, so that only the primary can be asked about it.
fn late(stream: &Stream, limits: &Limits) -> Option<Finding> {
    let is_late = stream.behind_bytes? > limits.standby_bytes
        || stream
            .lag_ms
            .is_some_and(|lag_ms| lag_ms > limits.standby_lag_ms);
    (!stream.is_logical && is_late).then(|| {
        Finding::warning(
            "standbys",
            format!(
                "The standby {} ({}) is {} bytes of log behind the primary.",
                stream.name,
                stream.address,
                stream.behind_bytes.unwrap_or_default()
            ),
            "See whether its replay is paused, and look at its disk and network.",
        )
    })
}
