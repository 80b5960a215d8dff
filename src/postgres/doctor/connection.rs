//! Whether the database can be reached, and whether it is the database that answers or a pooler.

use tokio_postgres::{Client, SimpleQueryMessage};

use super::Finding;
use crate::error::{Error, Kind, Result};
use crate::postgres::{Pool, PoolClient, config, failed, sqlstate};

/// A connection, or why there is none.
pub async fn connect(pool: &Pool, database_url: &str) -> Result<Result<PoolClient, Finding>> {
    let error = match pool.get().await.map_err(failed("connect to the database")) {
        Ok(client) => return Ok(Ok(client)),
        Err(error) => error,
    };
    let config = config(database_url)?;
    let says = format!("Quire cannot connect to {}: {error}.", place(&config));
    let mend = match (sqlstate(&error).map(|code| code.code()), error.kind()) {
        (Some("08P01"), _) => return Ok(Err(in_between(says))),
        (Some("28P01"), _) => "Put the role's password into DATABASE_URL: postgres://role:password@host/database.".to_owned(),
        (Some("28000"), _) => "Create the role (create role … login replication), or let pg_hba.conf admit it.".to_owned(),
        (Some("3D000"), _) => format!("create database \"{}\".", config.get_dbname().unwrap_or_default()),
        (Some("53300"), _) => "Raise max_connections, or close connections that are not needed.".to_owned(),
        (_, Kind::Unavailable) => "Start Postgres there, or correct host and port in DATABASE_URL; look for a firewall in between.".to_owned(),
        _ => "Correct DATABASE_URL: postgres://role:password@host:port/database.".to_owned(),
    };
    Ok(Err(Finding::error("connection", says, mend)))
}

/// Two connections that are open at the same time and meet the same process share it: a pooler
/// hands processes out by transaction.
pub async fn pooler(pool: &Pool, first: &Client) -> Result<Option<Finding>> {
    let second = pool
        .get()
        .await
        .map_err(failed("connect to the database"))?;
    let before = process(first).await?;
    let other = process(&second).await?;
    if other != before && process(first).await? == before {
        return Ok(None);
    }
    Ok(Some(in_between(
        "Two connections to the database are one and the same process.".to_owned(),
    )))
}

fn in_between(says: String) -> Finding {
    Finding::error(
        "pooler",
        format!(
            "{says} There is a pooler (such as PgBouncer in transaction mode) in between; Quire's connection to the log and its locks do not pass through it."
        ),
        "Let DATABASE_URL name Postgres itself. Quire keeps a small pool of its own.",
    )
}

/// The number of the process that answers. One message, so that one process answers all of it: a
/// prepared statement may be made in one and looked for in another.
async fn process(client: &Client) -> Result<String> {
    let answer = client
        .simple_query("select pg_backend_pid()")
        .await
        .map_err(failed("ask for the process"))?;
    let number = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    number.ok_or_else(|| Error::new(Kind::Internal, "ask for the process: no answer"))
}

/// Hosts and ports as a person writes them; never the password.
pub(in crate::postgres) fn place(config: &tokio_postgres::Config) -> String {
    use tokio_postgres::config::Host;

    let ports = config.get_ports();
    let places = config.get_hosts().iter().enumerate().map(|(i, host)| {
        let port = ports.get(i).or(ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(folder) => format!("{}/.s.PGSQL.{port}", folder.display()),
        }
    });
    places.collect::<Vec<_>>().join(", ")
}
