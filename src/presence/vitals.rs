//! What a server says of how it is. It goes as JSON behind a message, where servers of a version
//! without it do not look; a field that one side does not know is left out.

use serde::{Deserialize, Serialize};

/// Silent servers that one message names, at most.
const SILENT: usize = 16;

/// How a server is, by its own words. Whole numbers, so that it reads as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Vitals {
    /// Its version.
    pub version: String,
    /// When it started: seconds since 1970, by its own clock.
    pub started_at: u64,
    /// Open WebSockets.
    pub connections: u64,
    /// Open documents, and their memory in bytes, estimated.
    pub documents: u64,
    pub document_bytes: u64,
    /// Edits that it committed, and that the log brought it, in ten seconds.
    pub committed_10s: u64,
    pub delivered_10s: u64,
    /// Up to here it has applied the log: `16/B374D848`.
    pub applied: String,
    /// Age of the oldest of its messages that has not come back out of the log, in milliseconds.
    pub lag_ms: u64,
    /// Log that the database had flushed and it had not read, in bytes.
    pub behind_bytes: u64,
    /// Who sends it the log: `primary`, or the address of a standby; empty while nobody does.
    pub source: String,
    /// Why it should not be sent clients; none: it should.
    pub not_ready: Option<String>,
    /// It is seeing its clients off.
    pub is_draining: bool,
    /// Servers that it has not heard of for two seconds or more, and that said no farewell.
    pub silent: Vec<Silent>,
}

/// A server that is not heard of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Silent {
    /// Where browsers reached it.
    pub address: String,
    /// For how long, in milliseconds.
    pub silent_ms: u64,
}

impl Vitals {
    /// From this lag on a server is worth a word, in milliseconds.
    pub const LAGS_MS: u64 = 1_000;

    /// Whether others should hear of it before its next heartbeat.
    pub(super) fn is_news_after(&self, before: &Self) -> bool {
        let of = |vitals: &Self| {
            (
                vitals.not_ready.is_some(),
                vitals.is_draining,
                vitals.lag_ms >= Self::LAGS_MS,
                vitals.silent.len(),
            )
        };
        of(self) != of(before)
    }

    /// As it stands in a message.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut short = self.clone();
        short.silent.truncate(SILENT);
        serde_json::to_vec(&short).unwrap_or_default()
    }

    /// None for what is not one.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut vitals: Self = serde_json::from_slice(bytes).ok()?;
        vitals.silent.truncate(SILENT);
        Some(vitals)
    }
}
