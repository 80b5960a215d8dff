//! The server's settings, read in one row, and what is wrong with them.

use tokio_postgres::{Client, Row};

use super::Finding;
use crate::error::Result;
use crate::postgres::failed;

/// One row of facts about the server and our role in it.
pub struct Facts {
    row: Row,
}

impl Facts {
    pub fn text(&self, name: &str) -> &str {
        self.row.get(name)
    }

    pub fn number(&self, name: &str) -> i32 {
        self.row.get(name)
    }

    pub fn holds(&self, name: &str) -> bool {
        self.row.get(name)
    }
}

pub async fn facts(client: &Client) -> Result<Facts> {
    let row = client
        .query_one(include_str!("../../../sql/doctor_settings.sql"), &[])
        .await
        .map_err(failed("read the database's settings"))?;
    Ok(Facts { row })
}

/// What no server may start on comes as an error.
pub fn findings(facts: &Facts) -> Vec<Finding> {
    [
        version(facts),
        standby(facts),
        wal_level(facts),
        synchronous_commit(facts),
        synchronous_standbys(facts),
        disk(facts),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn version(facts: &Facts) -> Option<Finding> {
    (facts.number("version") < 150_000).then(|| {
        Finding::error(
            "version",
            format!(
                "This is PostgreSQL {}; Quire needs 15 or newer.",
                facts.text("version_name")
            ),
            "Upgrade it (pg_upgrade), or use another one.",
        )
    })
}

fn standby(facts: &Facts) -> Option<Finding> {
    if facts.holds("standby") {
        return Some(Finding::error(
            "standby",
            "This server is a standby, and nothing can be written to it.",
            "Let DATABASE_URL name the primary.",
        ));
    }
    (facts.text("read_only") == "on").then(|| {
        Finding::error(
            "read_only",
            "Transactions are read only here, so no edit can be kept.",
            "Set default_transaction_read_only = off for the server, this database and this role.",
        )
    })
}

fn wal_level(facts: &Facts) -> Option<Finding> {
    let level = facts.text("wal_level");
    (level != "logical").then(|| {
        Finding::error(
            "wal_level",
            format!("wal_level is {level}, so the log does not say which rows were written, and Quire reads just that."),
            "alter system set wal_level = 'logical', then restart Postgres.",
        )
    })
}

fn synchronous_commit(facts: &Facts) -> Option<Finding> {
    (facts.text("synchronous_commit") == "off").then(|| {
        Finding::error(
            "synchronous_commit",
            "synchronous_commit is off: Postgres would call edits committed that a crash can take back, and the log would come late.",
            format!(
                "Set it to on, wherever it is set to off: alter system reset synchronous_commit and select pg_reload_conf(); \
                 alter role \"{}\" reset synchronous_commit; alter database \"{}\" reset synchronous_commit.",
                facts.text("role"),
                facts.text("database")
            ),
        )
    })
}

fn synchronous_standbys(facts: &Facts) -> Option<Finding> {
    let names = facts.text("synchronous_standby_names");
    if names.is_empty() || facts.number("synchronous_standbys") > 0 {
        return None;
    }
    // `local` does not wait for them.
    if facts.text("synchronous_commit") == "local" {
        return None;
    }
    if !facts.holds("sees_everything") {
        return Some(Finding::warning(
            "synchronous_standbys",
            format!(
                "synchronous_standby_names is {names:?}, and this role may not see whether such a standby is connected; without one every commit hangs."
            ),
            format!(
                "grant pg_monitor to \"{}\", and ask again.",
                facts.text("role")
            ),
        ));
    }
    Some(Finding::error(
        "synchronous_standbys",
        format!(
            "synchronous_standby_names is {names:?} and no such standby is connected, so every commit hangs."
        ),
        "Start the standby, or set synchronous_standby_names = '' and select pg_reload_conf().",
    ))
}

fn disk(facts: &Facts) -> Option<Finding> {
    let off = ["fsync", "full_page_writes"]
        .into_iter()
        .find(|name| facts.text(name) == "off")?;
    Some(Finding::warning(
        "fsync",
        format!(
            "{off} is off: if the machine fails, the database may be damaged and acknowledged edits lost."
        ),
        format!("alter system set {off} = on, then select pg_reload_conf()."),
    ))
}
