//! The pool of ordinary connections. Every wait is bounded: for a free connection, for the
//! network, for a lock, and the server's own wait for a client that was cut off.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, RecyclingMethod, Runtime, Timeouts};

use super::tls::tls;
use crate::error::{Error, Kind, Result};

/// Connections, shared by all of one server.
pub type Pool = deadpool_postgres::Pool;

/// A connection on loan; it goes back when dropped.
pub type PoolClient = deadpool_postgres::Client;

/// How long anybody waits for a free connection, and for a new one to be made.
const WAIT: Duration = Duration::from_secs(5);

/// Session settings of every connection. A transaction that nobody drives any more (its server was
/// cut off) ends within 30 s, and so do its locks; nobody waits for a lock for more than 5 s.
const SESSION: &str = "-c lock_timeout=5s -c statement_timeout=30s \
    -c idle_in_transaction_session_timeout=30s \
    -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3";

/// The connection settings of `database_url`, with Quire's bounds added. Settings that the address
/// itself names are kept. Errors: [`Kind::Setting`] when it cannot be read.
pub fn config(database_url: &str) -> Result<tokio_postgres::Config> {
    let mut config: tokio_postgres::Config = database_url.parse().map_err(|e| {
        // The address may hold a password, so it is not repeated.
        Error::caused(
            Kind::Setting,
            "DATABASE_URL (--database-url) is not a Postgres address, such as postgres://user@host/database",
            e as tokio_postgres::Error,
        )
    })?;
    if config.get_hosts().is_empty() {
        return Err(Error::new(
            Kind::Setting,
            "DATABASE_URL (--database-url) names no host, such as postgres://user@host/database",
        ));
    }
    if config.get_application_name().is_none() {
        config.application_name("quire");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(WAIT);
    }
    config
        .keepalives(true)
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3)
        .tcp_user_timeout(Duration::from_secs(30));
    Ok(config)
}

/// A pool of at most `size` connections to `database_url`. Nothing is connected yet.
/// Errors: [`Kind::Setting`] when the address cannot be read.
pub fn pool(database_url: &str, size: usize) -> Result<Pool> {
    let mut config = config(database_url)?;
    // What the address says comes last, and so wins.
    let options = match config.get_options() {
        Some(own) => format!("{SESSION} {own}"),
        None => SESSION.to_owned(),
    };
    config.options(options);
    let tls = tls(&config)?;
    let recycling = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    Pool::builder(Manager::from_config(config, tls, recycling))
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .timeouts(Timeouts {
            wait: Some(WAIT),
            create: Some(2 * WAIT),
            recycle: Some(WAIT),
        })
        .build()
        .map_err(|e| Error::caused(Kind::Internal, "build the connection pool", e))
}
