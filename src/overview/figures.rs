//! The metrics that are read out of samples: of the database, not of this server.

use super::sample::Sample;
use crate::metrics::{Gauges, Metric};
use crate::postgres::{Replica, Slot};

static SLOTS: Gauges = Gauges::new(
    "quire_replication_slots",
    "Replication slots of the database and of its standbys, by whether somebody reads them.",
    "state",
);
static RETAINED: Gauges = Gauges::new(
    "quire_replication_slot_retained_bytes",
    "The most that one replication slot keeps of the log, by whether somebody reads it.",
    "state",
);
static STANDBYS: Gauges = Gauges::new(
    "quire_standbys",
    "Hosts of DATABASE_URL that are not the primary, by what they do.",
    "state",
);
static STANDBY_BYTES: Gauges = Gauges::new(
    "quire_standby_behind_bytes",
    "Log of the primary that a standby among the hosts of DATABASE_URL has not replayed.",
    "host",
);
static STANDBY_SECONDS: Gauges = Gauges::new(
    "quire_standby_lag_seconds",
    "How old what a standby among the hosts of DATABASE_URL shows may be.",
    "host",
);
static FINDINGS: Gauges = Gauges::new(
    "quire_findings",
    "What the overview finds wrong, by severity.",
    "severity",
);
pub(super) static METRICS: &[&dyn Metric] = &[
    &SLOTS,
    &RETAINED,
    &STANDBYS,
    &STANDBY_BYTES,
    &STANDBY_SECONDS,
    &FINDINGS,
];

/// Takes over what a sample says.
pub(super) fn note(sample: &Sample) {
    let slots = |is_active| move |slot: &&Slot| slot.is_active == is_active;
    let count = |is_active| sample.slots.iter().filter(slots(is_active)).count() as f64;
    SLOTS.set([("active", count(true)), ("idle", count(false))]);
    let retained = |is_active| {
        let slots = sample.slots.iter().filter(slots(is_active));
        slots.map(|slot| slot.retained_bytes).max().unwrap_or(0) as f64
    };
    RETAINED.set([("active", retained(true)), ("idle", retained(false))]);
    let count = |state| {
        let replicas = sample
            .replicas
            .iter()
            .filter(|replica| state_of(replica) == state);
        replicas.count() as f64
    };
    STANDBYS.set(STATES.map(|state| (state, count(state))));
    let by_host = |value: fn(&Replica) -> Option<f64>| {
        let replicas = sample.replicas.iter();
        replicas.filter_map(move |replica| Some((replica.host.as_str(), value(replica)?)))
    };
    STANDBY_BYTES.set(by_host(|replica| {
        replica.behind_bytes.map(|bytes| bytes as f64)
    }));
    STANDBY_SECONDS.set(by_host(|replica| {
        replica.lag_ms.map(|ms| ms as f64 / 1_000.0)
    }));
    let count = |severity: &str| {
        let findings = sample.findings.iter();
        findings
            .filter(|found| found.severity.name() == severity)
            .count() as f64
    };
    FINDINGS.set(["error", "warning"].map(|severity| (severity, count(severity))));
}

const STATES: [&str; 4] = ["following", "paused", "disconnected", "unreachable"];

fn state_of(replica: &Replica) -> &'static str {
    match replica {
        Replica {
            is_reachable: false,
            ..
        } => "unreachable",
        Replica {
            is_paused: true, ..
        } => "paused",
        Replica {
            is_receiving: false,
            ..
        } => "disconnected",
        _ => "following",
    }
}
