//! What in the database or its settings would keep Quire from working, each with its mend. The
//! checks that must hold before a server starts are the same ones.

pub(super) mod connection;
mod divergence;
pub(super) mod feed;
mod folds;
pub(super) mod hosts;
mod moves;
mod reading;
mod schema;
mod settings;

use serde::Serialize;
use tokio_postgres::Client;

pub use self::feed::Slot;
use super::{Pool, failed, pool};
use crate::error::{Error, Kind, Result};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Quire works, and something is worse than it should be.
    Warning,
    /// Quire does not work, or would break its promises.
    Error,
}

impl Severity {
    /// Its word: `warning` or `error`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which check found it, in one word: `wal_level`.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is, and what follows from it.
    pub says: String,
    /// What to do about it.
    pub mend: String,
}

impl Finding {
    /// One that keeps Quire from working.
    pub fn error(check: &'static str, says: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            check,
            severity: Severity::Error,
            says: says.into(),
            mend: mend.into(),
        }
    }

    /// One that makes something worse.
    pub fn warning(check: &'static str, says: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            check,
            severity: Severity::Warning,
            says: says.into(),
            mend: mend.into(),
        }
    }
}

/// From where on something is worth a word.
#[derive(Debug, Clone)]
pub struct Limits {
    /// What a slot that nobody reads may keep of the log, in bytes.
    pub idle_slot_bytes: i64,
    /// How far the reader of a slot may be behind, in bytes of log.
    pub busy_slot_bytes: i64,
    /// How far a standby may be behind the primary, in bytes of log.
    pub standby_bytes: i64,
    /// How old what a standby shows may be, in milliseconds.
    pub standby_lag_ms: i64,
    /// How long a transaction that has written may be open, in seconds.
    pub transaction_s: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            idle_slot_bytes: 64 << 20,
            busy_slot_bytes: 1 << 30,
            standby_bytes: 64 << 20,
            standby_lag_ms: 5_000,
            transaction_s: 10.0,
        }
    }
}

/// Looks at everything. An empty list means that all is well; a database that cannot be reached is
/// a finding too. Errors only when the address cannot be read or a check itself fails.
pub async fn examine(database_url: &str, limits: &Limits) -> Result<Vec<Finding>> {
    let pool = pool(database_url, 2)?;
    let hosts = hosts::findings(database_url, limits).await?;
    let client = match connection::connect(&pool, database_url).await? {
        Ok(client) => client,
        Err(finding) => return Ok([vec![finding], hosts].concat()),
    };
    // Whatever else was asked through a pooler might be answered by different processes.
    if let Some(finding) = connection::pooler(&pool, &client).await? {
        return Ok(vec![finding]);
    }
    let mut findings = hosts;
    let facts = settings::facts(&client).await?;
    findings.extend(settings::findings(&facts));
    findings.extend(feed::findings(&client, &facts, limits).await?);
    findings.extend(schema::findings(&pool, &client).await?);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Ok(findings)
}

/// Refuses a database on which Quire could not keep its promises: too old, without a logical log,
/// read only, or acknowledging commits that are not on its disk.
/// Errors: [`Kind::Setting`] with the finding and its mend.
pub async fn check_safe(pool: &Pool) -> Result<()> {
    let client = pool
        .get()
        .await
        .map_err(failed("connect to the database"))?;
    let client: &Client = &client;
    let facts = settings::facts(client).await?;
    let unsafe_setting = |finding: &Finding| {
        // Without its standby nothing is acknowledged, which is safe, and it may come back.
        finding.severity == Severity::Error && finding.check != "synchronous_standbys"
    };
    match settings::findings(&facts).into_iter().find(unsafe_setting) {
        None => Ok(()),
        Some(finding) => Err(Error::new(
            Kind::Setting,
            format!("{} {}", finding.says, finding.mend),
        )),
    }
}
