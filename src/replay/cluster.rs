//! What a replay drives: servers that run already, or its own on a private Postgres.

use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use super::Options;
use crate::auth::welcome_link;
use crate::client::Address;
use crate::dev::{self, Binaries, EmbeddedPostgres, ServerProcess, Stop, User, free_addresses};
use crate::error::{Error, Kind, Result};
use crate::postgres::{migrate, pool};

/// The servers of a replay.
pub struct Cluster {
    /// Where they are.
    pub addresses: Vec<Address>,
    /// A one-time link that signs in.
    pub link: String,
    /// Their database, if it is known.
    pub database_url: Option<String>,
    own: Option<Own>,
}

/// What was started for the replay and ends with it.
struct Own {
    servers: Vec<ServerProcess>,
    postgres: EmbeddedPostgres,
    program: PathBuf,
}

impl Cluster {
    /// Finds the servers that are named, or starts some. `program` is Quire's own binary.
    ///
    /// # Errors
    /// `Setting` when something must be mended first.
    pub async fn start(options: &Options, program: &Path) -> Result<Self> {
        if !options.address.is_empty() {
            let addresses = options.address.iter().map(|url| Address::parse(url));
            return Ok(Self {
                addresses: addresses.collect::<Result<_>>()?,
                link: options.link.clone().unwrap_or_default(),
                database_url: options.database_url.clone(),
                own: None,
            });
        }
        let bin = options.postgres_bin.clone();
        let postgres = blocking(move || start_postgres(bin.as_deref())).await?;
        let database_url = postgres.url("quire");
        let database = pool(&database_url, 1)?;
        migrate(&database).await?;
        let link = welcome_link(&database).await?.reveal();
        let servers = spawn(program, &database_url, usize::from(options.servers)).await?;
        Ok(Self {
            addresses: addresses(&servers)?,
            link,
            database_url: Some(database_url),
            own: Some(Own {
                servers,
                postgres,
                program: program.to_owned(),
            }),
        })
    }

    /// Stops the servers and starts new ones on the same database. False when they are not ours.
    ///
    /// # Errors
    /// When one does not stop or start.
    pub async fn restart(&mut self) -> Result<bool> {
        let (Some(own), Some(database_url)) = (&mut self.own, &self.database_url) else {
            return Ok(false);
        };
        own.stop_servers().await?;
        let count = self.addresses.len();
        own.servers = spawn(&own.program, database_url, count).await?;
        self.addresses = addresses(&own.servers)?;
        Ok(true)
    }

    /// Stops what was started.
    ///
    /// # Errors
    /// When something does not stop.
    pub async fn stop(self) -> Result<()> {
        let Some(mut own) = self.own else {
            return Ok(());
        };
        own.stop_servers().await?;
        let mut postgres = own.postgres;
        blocking(move || postgres.stop(Stop::Fast)).await
    }
}

impl Own {
    async fn stop_servers(&mut self) -> Result<()> {
        for mut server in self.servers.drain(..) {
            server.stop().await?;
        }
        Ok(())
    }
}

fn start_postgres(bin: Option<&Path>) -> Result<EmbeddedPostgres> {
    let user = User::ordinary()?;
    let binaries = Binaries::find(bin, None, &user, &dev::copies()?)?;
    let folder = dev::temporary()?;
    EmbeddedPostgres::init(&folder, &binaries, &user, true)?;
    EmbeddedPostgres::start_temporary(&folder, &binaries, &user, &[])
}

async fn spawn(program: &Path, database_url: &str, count: usize) -> Result<Vec<ServerProcess>> {
    ServerProcess::spawn_several(program, database_url, &free_addresses(count)?, None).await
}

fn addresses(servers: &[ServerProcess]) -> Result<Vec<Address>> {
    servers
        .iter()
        .map(|server| Address::parse(server.address()))
        .collect()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    spawn_blocking(work)
        .await
        .unwrap_or_else(|e| Err(Error::caused(Kind::Internal, "run Postgres", e)))
}
