//! What a replay found, for people and for programs.

use std::fmt;

use serde::Serialize;

use super::figures::Percentiles;
use super::used::Used;

/// The last line of `quire replay --json`. What could not be measured or checked is null.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Edits that were made, each one update and one row.
    pub edits: usize,
    /// Whether every server has the text that the history ends with.
    pub matches: bool,
    /// The same for the text made from the rows alone.
    pub rebuilt_matches: Option<bool>,
    /// The same for every server after all were restarted.
    pub restart_matches: Option<bool>,
    /// Rows of the document; two more than edits: the seed, and the paragraph's text.
    pub rows: Option<usize>,
    /// How many servers took part.
    pub servers: usize,
    /// How many standbys the database had, from which all servers had their log.
    pub standbys: u16,
    /// How many people wrote.
    pub writers: usize,
    /// How many only read.
    pub readers: usize,
    /// Edits a second that were asked for.
    pub rate: Option<u32>,
    /// From the first edit to the last ack.
    pub seconds: f64,
    /// Edits by that time.
    pub acked_per_s: f64,
    /// From an edit to its ack at its author.
    pub ack_ms: Option<Percentiles>,
    /// From an edit at its author to its import at each other client.
    pub delivery_ms: Option<Percentiles>,
    /// How many deliveries that were.
    pub deliveries: usize,
    /// The bare commit of one row of the same size, at the same rate if one was asked for.
    pub commit_ms: Option<Percentiles>,
    /// Log of the database for an edit, all else in it included.
    pub wal_bytes_per_edit: Option<f64>,
    /// Length of an update.
    pub update_bytes_per_edit: Option<f64>,
    /// Processor time from the first edit until everybody had the last one.
    pub used: Option<Used>,
    /// Connections that were lost and made again.
    pub lost_connections: usize,
}

impl Report {
    /// Whether everything that was checked is right.
    pub fn is_right(&self) -> bool {
        self.matches && self.rebuilt_matches != Some(false) && self.restart_matches != Some(false)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let right = |is_right: Option<bool>| match is_right {
            Some(true) => "right",
            Some(false) => "WRONG",
            None => "not checked",
        };
        writeln!(
            f,
            "{} edits of {} writers at {} servers in {:.1} s, {} only read: {:.0} acknowledged a second",
            self.edits, self.writers, self.servers, self.seconds, self.readers, self.acked_per_s
        )?;
        writeln!(
            f,
            "text at every server {}, after a restart {}, from the rows alone {}",
            right(Some(self.matches)),
            right(self.restart_matches),
            right(self.rebuilt_matches)
        )?;
        for (name, figures) in [
            ("ack", self.ack_ms),
            ("delivery", self.delivery_ms),
            ("bare commit", self.commit_ms),
        ] {
            if let Some(Percentiles { p50, p95, p99 }) = figures {
                writeln!(
                    f,
                    "{name}: p50 {p50:.2} ms, p95 {p95:.2} ms, p99 {p99:.2} ms"
                )?;
            }
        }
        if let Some(used) = &self.used {
            writeln!(
                f,
                "processor: primary {:.2} s (sending its log {:.2} s), standbys {:.2} s, servers {:.2} s",
                used.primary.all_s,
                used.primary.walsenders_s,
                used.standbys
                    .iter()
                    .map(|standby| standby.all_s)
                    .sum::<f64>(),
                used.servers_s
            )?;
        }
        if let (Some(wal), Some(update)) = (self.wal_bytes_per_edit, self.update_bytes_per_edit) {
            writeln!(f, "an edit: update {update:.0} bytes, log {wal:.0} bytes")?;
        }
        Ok(())
    }
}
