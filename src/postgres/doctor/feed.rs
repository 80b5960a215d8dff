//! What the feed needs: a slot, a sender, the right to them, a publication; and what holds it up.

use serde::Serialize;
use tokio_postgres::Client;

use super::settings::Facts;
use super::{Finding, Limits};
use crate::error::Result;
use crate::postgres::failed;

pub async fn findings(client: &Client, facts: &Facts, limits: &Limits) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    findings.extend(role(facts));
    findings.extend(slots_left(facts));
    findings.extend(senders_left(facts));
    findings.extend(slots(client, limits).await?);
    findings.extend(transactions(client, limits).await?);
    Ok(findings)
}

fn role(facts: &Facts) -> Option<Finding> {
    (!facts.holds("may_replicate")).then(|| {
        let role = facts.text("role");
        Finding::error(
            "replication",
            format!("The role {role} may not read the log."),
            format!("alter role \"{role}\" replication (on Amazon RDS: grant rds_replication to \"{role}\")."),
        )
    })
}

fn slots_left(facts: &Facts) -> Option<Finding> {
    let (used, allowed) = (facts.number("slots_used"), facts.number("slots_allowed"));
    (used >= allowed).then(|| {
        Finding::error(
            "replication_slots",
            format!("{used} of {allowed} replication slots (max_replication_slots) are in use, and each server needs one."),
            "Drop slots that nobody reads (select pg_drop_replication_slot(…)), or raise max_replication_slots and restart Postgres.",
        )
    })
}

fn senders_left(facts: &Facts) -> Option<Finding> {
    let (used, allowed) = (
        facts.number("senders_used"),
        facts.number("senders_allowed"),
    );
    (used >= allowed).then(|| {
        Finding::error(
            "wal_senders",
            format!("{used} of {allowed} connections to the log (max_wal_senders) are in use, and each server needs one."),
            "Raise max_wal_senders and restart Postgres.",
        )
    })
}

/// Slots that keep the log from being recycled, whoever owns them: they fill the disk.
async fn slots(client: &Client, limits: &Limits) -> Result<Vec<Finding>> {
    let slots = read_slots(client).await?;
    let findings = slots.iter().filter_map(|slot| wrong_slot(slot, limits));
    Ok(findings.collect())
}

/// A replication slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slot {
    pub name: String,
    /// Somebody reads it.
    pub is_active: bool,
    /// It ends with its reader's connection.
    pub is_temporary: bool,
    /// It is decoded, as for Quire's servers; else it sends the log as it is, to a standby.
    pub is_logical: bool,
    /// Log that Postgres keeps for it, in bytes.
    pub retained_bytes: i64,
}

/// The slots of the database that `client` leads to.
pub(in crate::postgres) async fn read_slots(client: &Client) -> Result<Vec<Slot>> {
    let rows = client
        .query(include_str!("../../../sql/doctor_slots.sql"), &[])
        .await
        .map_err(failed("read replication slots"))?;
    let slots = rows.iter().map(|row| Slot {
        name: row.get("name"),
        is_active: row.get("active"),
        is_temporary: row.get("temporary"),
        is_logical: row.get("is_logical"),
        retained_bytes: row.get("retained_bytes"),
    });
    Ok(slots.collect())
}

/// What is wrong with a slot.
pub(in crate::postgres) fn wrong_slot(slot: &Slot, limits: &Limits) -> Option<Finding> {
    let (name, mib) = (&slot.name, slot.retained_bytes >> 20);
    if slot.is_active {
        return (slot.retained_bytes > limits.busy_slot_bytes).then(|| {
            Finding::warning(
                "slot_lag",
                format!("The reader of replication slot {name} is {mib} MiB of log behind, and Postgres keeps them on its disk."),
                "See what holds that reader up; max_slot_wal_keep_size bounds what a slot may keep.",
            )
        });
    }
    (slot.retained_bytes > limits.idle_slot_bytes).then(|| {
        Finding::warning(
            "idle_slot",
            format!("Nobody reads replication slot {name}, which keeps {mib} MiB of log and more from minute to minute, until the disk is full. Quire's own slots end with their server."),
            format!("If nobody will read it any more: select pg_drop_replication_slot('{name}')."),
        )
    })
}

/// A new slot waits for every transaction that has written anything, in any database.
async fn transactions(client: &Client, limits: &Limits) -> Result<Vec<Finding>> {
    let rows = client
        .query(
            include_str!("../../../sql/doctor_transactions.sql"),
            &[&limits.transaction_s],
        )
        .await
        .map_err(failed("read open transactions"))?;
    let findings = rows.iter().map(|row| {
        let (what, mend): (&str, &str) = (row.get("what"), row.get("mend"));
        let (database, application): (&str, &str) = (row.get("database"), row.get("application"));
        let age_s: f64 = row.get("age_s");
        Finding::warning(
            "open_transaction",
            format!(
                "A transaction that has written is open for {age_s:.0} s ({what}, database {database:?}, application {application:?}); \
                 a server that starts now waits for it before it sees others' edits."
            ),
            format!("Let it end, or end it: {mend}."),
        )
    });
    Ok(findings.collect())
}
