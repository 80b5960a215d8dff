//! Where the address names several hosts: what each of them is. One primary is right; a second one takes
//! edits that no server reads. Standbys must follow it.

use std::time::Duration;

use futures_util::future::join_all;
use tokio_postgres::{Client, Config};

use super::Finding;
use super::Limits;
use super::connection::place;
use crate::error::{Error, Kind, Result};
use crate::postgres::hosts::{count, places};
use crate::postgres::{Identity, Server, Tls, config, failed, tls};

/// How long one host may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(5);

const DOCTOR_STANDBY: &str = include_str!("../../../sql/doctor_standby.sql");

const HOLDS_REPLAY_UP: &str = "Look for a long query there that replay waits for (max_standby_streaming_delay), and at its disk and network.";

/// What a host says of itself.
pub(in crate::postgres) struct Told {
    pub identity: Identity,
    /// If it is a standby.
    pub standby: Option<Standby>,
}

#[derive(Debug, Clone)]
pub(in crate::postgres) struct Standby {
    pub is_paused: bool,
    pub is_receiving: bool,
    /// Whether the primary keeps what its readers and slots need.
    pub has_feedback: bool,
    /// Whether servers could take their log from it.
    pub can_decode: bool,
    pub replayed: i64,
    /// How old what is visible there may be, in milliseconds; none: it has replayed no commit yet.
    pub lag_ms: Option<i64>,
}

/// What is wrong with the hosts; nothing where there is only one.
pub async fn findings(database_url: &str, limits: &Limits) -> Result<Vec<Finding>> {
    let config = config(database_url)?;
    if count(&config) < 2 {
        return Ok(Vec::new());
    }
    let tls = tls(&config)?;
    let places = places(&config).await;
    let asked = join_all(places.iter().map(|host| ask(host, tls.clone()))).await;
    let named: Vec<_> = places.iter().map(place).zip(asked).collect();
    Ok(judge(&named, limits))
}

/// What is wrong with several hosts, by what they say.
pub(in crate::postgres) fn judge(
    named: &[(String, Result<Told>)],
    limits: &Limits,
) -> Vec<Finding> {
    let mut findings: Vec<_> = named.iter().filter_map(unreachable).collect();
    let told = || {
        let told = named.iter();
        told.filter_map(|(name, asked)| Some((name.as_str(), asked.as_ref().ok()?)))
    };
    let primaries: Vec<(&str, Server)> = told()
        .filter_map(|(name, told)| Some((name, told.identity.server?)))
        .collect();
    findings.extend(wrong_number(&primaries));
    let positions = told().filter(|(_, told)| told.standby.is_none());
    let position = positions.map(|(_, told)| told.identity.position.0).max();
    for (name, told) in told() {
        if let Some(standby) = &told.standby {
            findings.extend(wrong_standby(name, standby, position, limits));
        }
    }
    findings
}

/// What keeps a standby from serving. `position` is where the primary's log ends.
fn wrong_standby(
    name: &str,
    standby: &Standby,
    position: Option<u64>,
    limits: &Limits,
) -> Vec<Finding> {
    let finding = |says: String, mend| Finding::warning("standbys", says, mend);
    let behind = position.map_or(0, |position| position as i64 - standby.replayed);
    let mut findings = Vec::new();
    if standby.is_paused {
        findings.push(finding(
            format!("The standby {name} has paused its replay, so nothing is read from it."),
            "select pg_wal_replay_resume() there.",
        ));
    } else if !standby.is_receiving {
        findings.push(finding(
            format!("The standby {name} receives nothing from the primary."),
            "Look at primary_conninfo and its log.",
        ));
    } else if behind > limits.standby_bytes {
        findings.push(finding(
            format!("The standby {name} is {behind} bytes of log behind the primary."),
            HOLDS_REPLAY_UP,
        ));
    } else if let Some(lag_ms) = standby
        .lag_ms
        .filter(|lag_ms| *lag_ms > limits.standby_lag_ms)
    {
        findings.push(finding(
            format!(
                "The standby {name} shows what was committed {} s ago.",
                lag_ms / 1000
            ),
            HOLDS_REPLAY_UP,
        ));
    }
    if standby.can_decode && !standby.has_feedback {
        findings.push(finding(
            format!("The standby {name} has hot_standby_feedback = off: a server with --feed-from standby loses its stream whenever the primary cleans its catalog."),
            "Set hot_standby_feedback = on there.",
        ));
    }
    findings
}

async fn ask(host: &Config, tls: Tls) -> Result<Told> {
    let asking = async {
        let (client, connection) = host.connect(tls).await.map_err(failed("connect to it"))?;
        let driver = tokio::spawn(connection);
        let told = told(&client).await;
        driver.abort();
        told
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| {
            let context = format!("no answer within {PATIENCE:?}");
            Err(Error::new(Kind::Unavailable, context))
        })
}

pub(in crate::postgres) async fn told(client: &Client) -> Result<Told> {
    let identity = Identity::ask(client).await?;
    if identity.server.is_some() {
        let standby = None;
        return Ok(Told { identity, standby });
    }
    let row = client.query_one(DOCTOR_STANDBY, &[]).await;
    let row = row.map_err(failed("look at a standby"))?;
    let standby = Standby {
        is_paused: row.get("is_paused"),
        is_receiving: row.get("is_receiving"),
        has_feedback: row.get("has_feedback"),
        can_decode: row.get("can_decode"),
        replayed: row.get("replayed"),
        lag_ms: row.get("lag_ms"),
    };
    let standby = Some(standby);
    Ok(Told { identity, standby })
}

fn unreachable((name, asked): &(String, Result<Told>)) -> Option<Finding> {
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
    fn a_standby_that_does_not_follow_is_found() {
        let well = Standby {
            is_paused: false,
            is_receiving: true,
            has_feedback: true,
            can_decode: true,
            replayed: 1_000,
            lag_ms: Some(10),
        };
        let limits = Limits::default();
        let says = |standby: &Standby, position| -> Vec<String> {
            let findings = wrong_standby("a:1", standby, Some(position), &limits);
            findings.into_iter().map(|f| f.says).collect()
        };
        assert!(says(&well, 1_000).is_empty());
        let behind = says(&well, 2_000 + limits.standby_bytes as u64);
        assert!(behind.len() == 1 && behind[0].contains("behind"));
        for (bad, word) in [
            (
                Standby {
                    is_paused: true,
                    ..well.clone()
                },
                "paused",
            ),
            (
                Standby {
                    is_receiving: false,
                    ..well.clone()
                },
                "receives nothing",
            ),
            (
                Standby {
                    has_feedback: false,
                    ..well.clone()
                },
                "hot_standby_feedback",
            ),
            (
                Standby {
                    lag_ms: Some(6_000),
                    ..well.clone()
                },
                "6 s ago",
            ),
        ] {
            let said = says(&bad, 1_000);
            assert!(said.len() == 1 && said[0].contains(word), "{said:?}");
        }
    }

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
