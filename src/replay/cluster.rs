//! What a replay drives: servers that run already, or its own on a private Postgres.

use std::path::{Path, PathBuf};

use super::Options;
use super::used::{DatabaseUsed, Used, seconds_of_tree};
use crate::auth::welcome_link;
use crate::client::Address;
use crate::dev::{
    self, Binaries, EmbeddedPostgres, Reserved, ServerProcess, Stop, User, blocking,
    start_standbys, url_of_all, usable,
};
use crate::error::Result;
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
    standbys: Vec<EmbeddedPostgres>,
    /// The database's address with the standbys in it.
    url_of_all: String,
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
        let has_standbys = options.standbys > 0;
        let postgres = blocking(move || start_postgres(bin.as_deref(), has_standbys)).await?;
        let database_url = postgres.url("quire");
        let database = pool(&database_url, 1)?;
        migrate(&database).await?;
        let link = welcome_link(&database).await?.reveal();
        let standbys = start_standbys(&postgres, usize::from(options.standbys)).await?;
        let mut own = Own {
            servers: Vec::new(),
            url_of_all: url_of_all(&postgres, &standbys, "quire"),
            standbys,
            postgres,
            program: program.to_owned(),
        };
        own.start_servers(usize::from(options.servers)).await?;
        Ok(Self {
            addresses: addresses(&own.servers)?,
            link,
            database_url: Some(database_url),
            own: Some(own),
        })
    }

    /// Stops the servers and starts new ones on the same database. False when they are not ours.
    ///
    /// # Errors
    /// When one does not stop or start.
    pub async fn restart(&mut self) -> Result<bool> {
        let Some(own) = &mut self.own else {
            return Ok(false);
        };
        own.stop_servers().await?;
        own.start_servers(self.addresses.len()).await?;
        self.addresses = addresses(&own.servers)?;
        Ok(true)
    }

    /// The processor that each part has used so far; none when it is not ours.
    pub fn used(&self) -> Option<Used> {
        let own = self.own.as_ref()?;
        let servers = own.servers.iter().filter_map(ServerProcess::pid);
        Some(Used {
            primary: DatabaseUsed::by(own.postgres.pid()),
            standbys: own
                .standbys
                .iter()
                .map(|s| DatabaseUsed::by(s.pid()))
                .collect(),
            servers_s: servers.map(seconds_of_tree).sum(),
        })
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
        drop(own.standbys);
        let mut postgres = own.postgres;
        blocking(move || postgres.stop(Stop::Fast)).await
    }
}

impl Own {
    async fn start_servers(&mut self, count: usize) -> Result<()> {
        let addresses = Reserved::several(count)?;
        let more = |_| match self.standbys.is_empty() {
            true => Vec::new(),
            false => ["--read-from-standbys", "--feed-from", "standby"]
                .map(str::to_owned)
                .to_vec(),
        };
        let started =
            ServerProcess::spawn_several(&self.program, &self.url_of_all, "http", &addresses, more);
        self.servers = started.await?;
        Ok(())
    }

    async fn stop_servers(&mut self) -> Result<()> {
        for mut server in self.servers.drain(..) {
            server.stop().await?;
        }
        Ok(())
    }
}

fn start_postgres(bin: Option<&Path>, has_standbys: bool) -> Result<EmbeddedPostgres> {
    let user = User::ordinary()?;
    let binaries = Binaries::find(bin, usable(has_standbys), &user, &dev::copies()?)?;
    let folder = dev::temporary()?;
    EmbeddedPostgres::init(&folder, &binaries, &user, true)?;
    EmbeddedPostgres::start_temporary(&folder, &binaries, &user, &[])
}

fn addresses(servers: &[ServerProcess]) -> Result<Vec<Address>> {
    servers
        .iter()
        .map(|server| Address::parse(server.address()))
        .collect()
}
