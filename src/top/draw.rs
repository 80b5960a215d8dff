//! A sample as lines of text. Pure.

use std::fmt::Write;

use crate::overview::Sample;
use crate::postgres::{Replica, Severity};
use crate::presence::{Condition, Standing};

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const GREEN: &str = "\x1b[32m";
const PLAIN: &str = "\x1b[0m";

/// All of it; with colours for a screen.
pub(super) fn draw(sample: &Sample, is_screen: bool) -> String {
    let mut page = Page {
        out: String::new(),
        is_screen,
    };
    page.line(&format!(
        "Quire   {:.1} edits/s   log {}/s   {}",
        sample.edits_per_s,
        bytes(sample.wal_bytes_per_s as i64),
        match &sample.primary {
            Some(primary) => format!(
                "primary {} at {}, timeline {}",
                primary.host, primary.position, primary.timeline
            ),
            None => "no primary answers".into(),
        }
    ));
    findings(&mut page, sample);
    let servers = sample.servers.iter().map(server).collect();
    let heads = [
        "SERVER", "STATE", "HEARD", "CONN", "DOCS", "BYTES", "COMMIT/S", "DELIV/S", "LAG",
        "BEHIND", "FROM", "VERSION",
    ];
    page.table(&heads, servers);
    let replicas = sample.replicas.iter().map(replica).collect();
    page.table(&["REPLICA", "STATE", "BEHIND", "LAG", "REPLAYED"], replicas);
    let slots = sample.slots.iter().map(|slot| {
        let state = if slot.is_active {
            "active"
        } else {
            "nobody reads it"
        };
        let kind = if slot.is_logical {
            "logical"
        } else {
            "physical"
        };
        vec![
            slot.name.clone(),
            state.into(),
            bytes(slot.retained_bytes),
            kind.into(),
        ]
    });
    page.table(&["SLOT", "STATE", "RETAINED", "KIND"], slots.collect());
    let streams = sample.streams.iter().map(|stream| {
        vec![
            format!("{} ({})", stream.name, stream.address),
            stream.state.clone().unwrap_or_default(),
            stream.sync_state.clone().unwrap_or_default(),
            known(stream.behind_bytes, bytes),
            known(stream.lag_ms, duration),
        ]
    });
    let heads = ["STREAM", "STATE", "SYNC", "UNCONFIRMED", "LAG"];
    page.table(&heads, streams.collect());
    let documents = sample.documents.iter().map(|busy| {
        vec![
            format!("{}/{}", busy.org_id, busy.document_id),
            busy.edits.to_string(),
            bytes(busy.bytes as i64),
        ]
    });
    page.table(
        &["DOCUMENT, LAST MINUTE", "EDITS", "BYTES"],
        documents.collect(),
    );
    let organisations = sample.organisations.iter().map(|busy| {
        vec![
            busy.org_id.to_string(),
            busy.edits.to_string(),
            bytes(busy.bytes as i64),
        ]
    });
    let heads = ["ORGANISATION, LAST MINUTE", "EDITS", "BYTES"];
    page.table(&heads, organisations.collect());
    page.out
}

fn findings(page: &mut Page, sample: &Sample) {
    if sample.findings.is_empty() {
        return page.paint(GREEN, "All is well.");
    }
    for finding in &sample.findings {
        let color = match finding.severity {
            Severity::Error => RED,
            Severity::Warning => YELLOW,
        };
        let (name, check) = (finding.severity.name(), finding.check);
        page.paint(color, &format!("{name} ({check}): {}", finding.says));
        page.paint(DIM, &format!("    mend: {}", finding.mend));
    }
}

fn server(server: &Standing) -> Vec<String> {
    let state = match server.state {
        Condition::Ready => "ready",
        Condition::NotReady => "not ready",
        Condition::Draining => "draining",
        Condition::Silent => "silent",
    };
    let mut cells = vec![
        server.address.clone(),
        state.into(),
        format!("{} ago", duration(server.heard_ms as i64)),
    ];
    if let Some(vitals) = &server.vitals {
        let source = if vitals.source.is_empty() {
            "nobody"
        } else {
            &vitals.source
        };
        cells.extend([
            vitals.connections.to_string(),
            vitals.documents.to_string(),
            bytes(vitals.document_bytes as i64),
            format!("{:.1}", vitals.committed_10s as f64 / 10.0),
            format!("{:.1}", vitals.delivered_10s as f64 / 10.0),
            duration(vitals.lag_ms as i64),
            bytes(vitals.behind_bytes as i64),
            source.to_owned(),
            vitals.version.clone(),
        ]);
    }
    cells
}

fn replica(replica: &Replica) -> Vec<String> {
    let state = match replica {
        Replica {
            is_reachable: false,
            ..
        } => "does not answer",
        Replica {
            is_paused: true, ..
        } => "paused",
        Replica {
            is_receiving: false,
            ..
        } => "not connected",
        _ => "following",
    };
    vec![
        replica.host.clone(),
        state.into(),
        known(replica.behind_bytes, bytes),
        known(replica.lag_ms, duration),
        replica.replayed.clone().unwrap_or_default(),
    ]
}

struct Page {
    out: String,
    is_screen: bool,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.paint(BOLD, text);
    }

    fn paint(&mut self, color: &str, text: &str) {
        // Names come from elsewhere: nothing of them may steer the terminal.
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        let _ = match self.is_screen {
            true => writeln!(self.out, "{color}{text}{PLAIN}"),
            false => writeln!(self.out, "{text}"),
        };
    }

    /// Nothing where there is no row.
    fn table(&mut self, heads: &[&str], rows: Vec<Vec<String>>) {
        if rows.is_empty() {
            return;
        }
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|cell| cell.chars().count()).max();
            widest.unwrap_or(0).max(heads[column].len())
        };
        let widths: Vec<usize> = (0..heads.len()).map(width).collect();
        let joined = |cells: &mut dyn Iterator<Item = &str>| {
            let cells = cells.zip(&widths);
            let padded: Vec<String> = cells
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            padded.join("  ").trim_end().to_owned()
        };
        self.out.push('\n');
        self.paint(DIM, &joined(&mut heads.iter().copied()));
        for row in &rows {
            let line = joined(&mut row.iter().map(String::as_str));
            self.paint("", &line);
        }
    }
}

fn known(value: Option<i64>, text: fn(i64) -> String) -> String {
    value.map_or_else(|| "?".into(), text)
}

fn bytes(bytes: i64) -> String {
    let mut value = bytes.max(0) as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            let digits = usize::from(value < 100.0 && unit != "B");
            return format!("{value:.digits$} {unit}");
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

fn duration(ms: i64) -> String {
    match ms {
        ..=999 => format!("{ms} ms"),
        1_000..=59_999 => format!("{:.1} s", ms as f64 / 1_000.0),
        60_000..=3_599_999 => format!("{} min", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::Finding;

    fn sample() -> Sample {
        Sample {
            at_ms: 0,
            edits_per_s: 12.34,
            wal_bytes_per_s: 2_048.0,
            findings: vec![Finding::warning(
                "idle_slot",
                "Nobody \u{1b}[2Jreads it.",
                "Drop it.",
            )],
            servers: Vec::new(),
            primary: None,
            replicas: vec![Replica {
                host: "db:5432".into(),
                is_reachable: true,
                is_paused: true,
                is_receiving: true,
                replayed: Some("0/1".into()),
                behind_bytes: Some(5 << 20),
                lag_ms: Some(1_500),
            }],
            streams: Vec::new(),
            slots: Vec::new(),
            documents: Vec::new(),
            organisations: Vec::new(),
        }
    }

    #[test]
    fn a_sample_is_lines_and_no_name_steers_the_terminal() {
        let text = draw(&sample(), false);
        assert_eq!(
            text,
            "Quire   12.3 edits/s   log 2.0 KiB/s   no primary answers\n\
             warning (idle_slot): Nobody [2Jreads it.\n    mend: Drop it.\n\n\
             REPLICA  STATE   BEHIND   LAG    REPLAYED\n\
             db:5432  paused  5.0 MiB  1.5 s  0/1\n"
        );
        assert!(draw(&sample(), true).contains("\u{1b}[33mwarning"));
    }

    #[test]
    fn figures_are_short_and_have_units() {
        let texts: Vec<String> = [0, 1_023, 102_400, 3 << 30].map(bytes).into();
        assert_eq!(texts, ["0 B", "1023 B", "100 KiB", "3.0 GiB"]);
        let texts: Vec<String> = [7, 1_500, 90_000, 7_200_000].map(duration).into();
        assert_eq!(texts, ["7 ms", "1.5 s", "1 min", "2 h"]);
    }
}
