//! Where the address names several hosts: what each of them is. One primary is right; a second one takes
//! edits that no server reads.

use std::time::Duration;

use futures_util::future::join_all;
use tokio_postgres::Config;

use super::Finding;
use super::connection::place;
use crate::error::{Error, Kind, Result};
use crate::postgres::hosts::{count, places};
use crate::postgres::{Identity, Server, Tls, config, failed, tls};

/// How long one host may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is wrong with the hosts; nothing where there is only one.
pub async fn findings(database_url: &str) -> Result<Vec<Finding>> {
    let config = config(database_url)?;
    if count(&config) < 2 {
        return Ok(Vec::new());
    }
    let tls = tls(&config)?;
    let places = places(&config).await;
    let asked = join_all(places.iter().map(|host| ask(host, tls.clone()))).await;
    let named: Vec<_> = places.iter().map(place).zip(asked).collect();
    let mut findings: Vec<_> = named.iter().filter_map(unreachable).collect();
    let identities = named
        .iter()
        .filter_map(|(name, asked)| Some((name.as_str(), asked.as_ref().ok()?)));
    let primaries: Vec<(&str, Server)> = identities
        .filter_map(|(name, identity)| Some((name, identity.server?)))
        .collect();
    findings.extend(wrong_number(&primaries));
    Ok(findings)
}

async fn ask(host: &Config, tls: Tls) -> Result<Identity> {
    let asking = async {
        let (client, connection) = host.connect(tls).await.map_err(failed("connect to it"))?;
        let driver = tokio::spawn(connection);
        let identity = Identity::ask(&client).await;
        driver.abort();
        identity
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| {
            let context = format!("no answer within {PATIENCE:?}");
            Err(Error::new(Kind::Unavailable, context))
        })
}

fn unreachable((name, asked): &(String, Result<Identity>)) -> Option<Finding> {
    let error = asked.as_ref().err()?;
    Some(Finding::warning(
        "hosts",
        format!("DATABASE_URL names {name}, and nobody can be asked there: {error}."),
        "Start it, or take it out of DATABASE_URL.",
    ))
}

/// Finds that there is no primary, or more than one.
fn wrong_number(primaries: &[(&str, Server)]) -> Option<Finding> {
    let Some((_, newest)) = primaries.iter().max_by_key(|(_, server)| server.timeline) else {
        return Some(Finding::error(
            "hosts",
            "None of the hosts in DATABASE_URL that can be asked is a primary.",
            "Promote one (select pg_promote()), or name the primary's host too.",
        ));
    };
    if primaries.len() < 2 {
        return None;
    }
    let list: Vec<_> = primaries
        .iter()
        .map(|(name, server)| format!("{name} (timeline {})", server.timeline))
        .collect();
    let list = list.join(", ");
    let is_one_cluster = primaries
        .iter()
        .all(|(_, server)| server.system_identifier == newest.system_identifier);
    let (says, mend) = if is_one_cluster {
        (
            format!(
                "{} of the hosts in DATABASE_URL are primaries: {list}. Servers use the one with the \
                 highest timeline; what is written to another one nobody sees.",
                primaries.len()
            ),
            "Stop the one that was replaced and make a standby of it (pg_rewind, or a new base backup).",
        )
    } else {
        (
            format!("The hosts in DATABASE_URL are primaries of different clusters: {list}."),
            "Name the hosts of one cluster only.",
        )
    };
    Some(Finding::error("hosts", says, mend))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_primary_is_right_and_none_or_two_are_not() {
        let server = |system_identifier, timeline| Server {
            system_identifier,
            timeline,
        };
        let says = |primaries: &[(&str, Server)]| wrong_number(primaries).map(|f| f.says);
        assert_eq!(says(&[("a:1", server(1, 1))]), None);
        assert!(says(&[]).is_some_and(|says| says.contains("None")));
        let two = says(&[("a:1", server(1, 1)), ("b:2", server(1, 2))]);
        assert!(two.is_some_and(|says| says.contains("b:2 (timeline 2)")));
        let others = says(&[("a:1", server(1, 1)), ("b:2", server(2, 1))]);
        assert!(others.is_some_and(|says| says.contains("different clusters")));
    }
}
