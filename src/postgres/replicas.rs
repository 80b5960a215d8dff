//! Reading from standbys, exactly: a reading there sees everything that was committed on the primary when
//! it was asked for, or it is not done there.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{Manager, ManagerConfig, RecyclingMethod, Runtime, Timeouts};
use tokio_postgres::Config;

use super::hosts::places;
use super::lineage::Server;
use super::tls::Tls;
use super::{PoolClient, failed};
use crate::change::Lsn;
use crate::error::{Error, Kind, Result};

const STANDBY_POSITION: &str = include_str!("../../sql/standby_position.sql");

/// How long a standby may take to answer, and then to replay what is wanted. The primary is asked after
/// that, which costs it a reading.
const PATIENCE: Duration = Duration::from_millis(200);
/// How often it is asked meanwhile.
const LOOK: Duration = Duration::from_millis(3);
/// For how long a standby is left alone that did not answer or was behind.
const REST: Duration = Duration::from_secs(2);

/// For how long the address of a host is taken for its own.
const RESOLVED: Duration = Duration::from_secs(30);

/// Where a standby is.
#[derive(Debug, Clone, Copy)]
pub struct StandbyPosition {
    /// Whether it is one still.
    pub is_standby: bool,
    /// Everything before this is visible there.
    pub replayed: Lsn,
    /// The timeline that it follows.
    pub timeline: u32,
}

/// The hosts of the setting as places to read from. Which of them are standbys shows when they are asked.
pub(super) struct Replicas {
    config: Config,
    tls: Tls,
    /// Connections to each of them, at most.
    size: usize,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    hosts: Vec<Arc<Replica>>,
    /// When their names were resolved.
    at: Option<Instant>,
}

struct Replica {
    place: Config,
    connections: deadpool_postgres::Pool,
    rests_until: Mutex<Instant>,
}

impl StandbyPosition {
    /// Asks the database behind `client`. Errors: as the database fails.
    pub async fn ask(client: &tokio_postgres::Client) -> Result<Self> {
        let row = client.query_one(STANDBY_POSITION, &[]).await;
        let row = row.map_err(failed("ask the standby where it is"))?;
        Ok(Self {
            is_standby: row.get("is_standby"),
            replayed: Lsn(row.get::<_, i64>("replayed") as u64),
            timeline: row.get::<_, i32>("timeline_id") as u32,
        })
    }
}

impl Replicas {
    pub fn new(config: Config, tls: Tls, size: usize) -> Self {
        Self {
            config,
            tls,
            size,
            known: Mutex::default(),
        }
    }

    /// A connection to a standby of this log that has replayed it up to `needed`; none: there is no such
    /// standby just now.
    pub async fn at(&self, needed: Lsn, server: Server) -> Option<PoolClient> {
        let (_, client) = self.find_one(needed, server).await?;
        Some(client)
    }

    /// Where such a standby is.
    pub async fn place_at(&self, needed: Lsn, server: Server) -> Option<Config> {
        let (replica, _) = self.find_one(needed, server).await?;
        Some(replica.place.clone())
    }

    async fn find_one(&self, needed: Lsn, server: Server) -> Option<(Arc<Replica>, PoolClient)> {
        let hosts = self.hosts().await;
        let first = getrandom::u64().unwrap_or_default() as usize;
        for index in 0..hosts.len() {
            let host = &hosts[(first.wrapping_add(index)) % hosts.len()];
            if host.rests() {
                continue;
            }
            let reading = tokio::time::timeout(PATIENCE, host.at(needed, server)).await;
            match reading {
                Ok(Ok(client)) => return Some((host.clone(), client)),
                Ok(Err(error)) => tracing::debug!(%error, "read from a standby"),
                Err(_) => tracing::debug!("a standby is behind, or does not answer"),
            }
            host.rest();
        }
        None
    }

    /// The hosts, their names resolved not long ago. Connections to an address that stays are kept.
    async fn hosts(&self) -> Vec<Arc<Replica>> {
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.at.is_some_and(|at| at.elapsed() < RESOLVED) {
                return known.hosts.clone();
            }
            if known.at.is_some() {
                // Others go on with what is known.
                known.at = Some(Instant::now());
            }
        }
        let places = places(&self.config).await;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let hosts = places.into_iter().filter_map(|place| {
            let same = known.hosts.iter().find(|host| host.place == place);
            same.cloned().or_else(|| self.host(place).map(Arc::new))
        });
        known.hosts = hosts.collect();
        known.at = Some(Instant::now());
        known.hosts.clone()
    }

    fn host(&self, place: Config) -> Option<Replica> {
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_config(place.clone(), self.tls.clone(), recycling);
        let connections = deadpool_postgres::Pool::builder(manager)
            .max_size(self.size)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts::wait_millis(PATIENCE.as_millis() as u64))
            .build()
            .ok()?;
        Some(Replica {
            place,
            connections,
            rests_until: Mutex::new(Instant::now()),
        })
    }
}

impl Replica {
    async fn at(&self, needed: Lsn, server: Server) -> Result<PoolClient> {
        let doing = "connect to a standby";
        let client = self.connections.get().await.map_err(failed(doing))?;
        loop {
            let position = StandbyPosition::ask(&client).await?;
            if !position.is_standby || position.timeline != server.timeline {
                return Err(Error::new(
                    Kind::Unavailable,
                    "it is no standby of this log",
                ));
            }
            if position.replayed >= needed {
                return Ok(client);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn rests(&self) -> bool {
        let until = self.rests_until.lock();
        *until.unwrap_or_else(PoisonError::into_inner) > Instant::now()
    }

    fn rest(&self) {
        let until = self.rests_until.lock();
        *until.unwrap_or_else(PoisonError::into_inner) = Instant::now() + REST;
    }
}
