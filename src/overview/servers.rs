//! What is wrong with the servers, by what their heartbeats say. Pure.

use std::collections::BTreeSet;

use crate::postgres::Finding;
use crate::presence::{Condition, Standing, Vitals};

/// One finding for each thing that is wrong; `deaf` is why servers are not heard.
pub(super) fn findings(servers: &[Standing], deaf: Option<&str>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = servers.iter().flat_map(of_one).collect();
    findings.extend(different_versions(servers));
    let lives = |server: &Standing| server.state != Condition::Silent;
    if let Some(why) = deaf {
        findings.push(Finding::warning(
            "servers_unheard",
            format!("Servers are not heard: {why}."),
            "See the streams meanwhile: quire_feed is a server.",
        ));
    } else if !servers.iter().any(lives) {
        findings.push(Finding::error(
            "no_server",
            "No server is heard of: nobody can edit.",
            "Start one (quire serve), or see in its log why it does not reach the database.",
        ));
    }
    findings
}

fn of_one(server: &Standing) -> Vec<Finding> {
    let address = &server.address;
    if server.state == Condition::Silent {
        return vec![Finding::error(
            "server_silent",
            format!(
                "The server {address} has been silent for {} s: it has died, or does not reach the database.",
                server.heard_ms / 1_000
            ),
            "Start it again, or see in its log why it cannot write to the database. Its clients go to other servers by themselves.",
        )];
    }
    let mut findings = Vec::new();
    let Some(vitals) = &server.vitals else {
        return findings;
    };
    if vitals.lag_ms >= Vitals::LAGS_MS {
        findings.push(Finding::warning(
            "server_lags",
            format!(
                "The server {address} shows what was committed {:.1} s ago: its feed is behind by {} bytes of log.",
                vitals.lag_ms as f64 / 1_000.0,
                vitals.behind_bytes
            ),
            "Look for a bulk job in the database, for what holds up the process that sends it the log (pg_stat_replication), and at its own processor. After 10 s it sends its clients to other servers.",
        ));
    }
    if let Some(reason) = vitals.not_ready.as_ref().filter(|_| !vitals.is_draining) {
        findings.push(Finding::warning(
            "server_not_ready",
            format!("The server {address} takes no clients: {reason}."),
            "Mend what it names; its /readyz says 200 again by itself.",
        ));
    }
    findings
}

fn different_versions(servers: &[Standing]) -> Option<Finding> {
    let lives = |server: &&Standing| server.state != Condition::Silent;
    let version = |server: &Standing| match &server.vitals {
        Some(vitals) => vitals.version.clone(),
        None => "older".to_owned(),
    };
    let versions: BTreeSet<String> = servers.iter().filter(lives).map(version).collect();
    (versions.len() > 1).then(|| {
        let list: Vec<_> = versions.into_iter().collect();
        Finding::warning(
            "server_versions",
            format!(
                "Servers of different versions run side by side: {}.",
                list.join(", ")
            ),
            "While an upgrade rolls this is right; else finish it.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn server(state: Condition, vitals: Option<Vitals>) -> Standing {
        Standing {
            server_id: Uuid::nil(),
            address: "http://a".into(),
            state,
            is_asked: false,
            heard_ms: 4_200,
            vitals,
        }
    }

    fn checks(servers: &[Standing]) -> Vec<&'static str> {
        let findings = findings(servers, None);
        findings.iter().map(|found| found.check).collect()
    }

    #[test]
    fn who_hears_no_server_does_not_say_that_there_is_none() {
        let findings = findings(&[], Some("the slot waits"));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].check, "servers_unheard");
    }

    #[test]
    fn what_is_wrong_with_servers_is_found_and_nothing_else() {
        let well = Vitals {
            version: "1".into(),
            lag_ms: 999,
            ..Vitals::default()
        };
        let ready = server(Condition::Ready, Some(well.clone()));
        assert!(checks(std::slice::from_ref(&ready)).is_empty());
        assert_eq!(checks(&[]), ["no_server"]);
        let silent = server(Condition::Silent, Some(well.clone()));
        assert_eq!(checks(&[ready.clone(), silent.clone()]), ["server_silent"]);
        assert_eq!(checks(&[silent]), ["server_silent", "no_server"]);
        let lags = Vitals {
            lag_ms: 1_000,
            not_ready: Some("it is slow".into()),
            ..well.clone()
        };
        let lags = server(Condition::NotReady, Some(lags));
        assert_eq!(checks(&[lags]), ["server_lags", "server_not_ready"]);
        let parting = Vitals {
            not_ready: Some("the server is stopping".into()),
            is_draining: true,
            ..well.clone()
        };
        assert!(checks(&[server(Condition::Draining, Some(parting))]).is_empty());
        let newer = Vitals {
            version: "2".into(),
            ..well
        };
        let newer = server(Condition::Ready, Some(newer));
        assert_eq!(checks(&[ready.clone(), newer]), ["server_versions"]);
        let oldest = server(Condition::Ready, None);
        assert_eq!(checks(&[ready, oldest]), ["server_versions"]);
    }
}
