//! Whether each peer's operations stand in the rows once, without a gap, and end where its row says.

use std::collections::BTreeMap;
use std::ops::Range;

use loro::VersionVector;

use super::Finding;
use crate::document::trial::DocKey;

/// What the rows have of each peer: ranges of counters, joined where they touch.
#[derive(Debug, Default)]
pub(super) struct Peers {
    of: BTreeMap<u64, BTreeMap<i32, i32>>,
    twice: Vec<(u64, Range<i32>)>,
}

impl Peers {
    /// Notes the operations of one row.
    pub fn note(&mut self, peer: u64, counters: Range<i32>) {
        let ranges = self.of.entry(peer).or_default();
        let overlaps = ranges
            .range(..counters.end)
            .next_back()
            .is_some_and(|(_, end)| *end > counters.start);
        if overlaps {
            self.twice.push((peer, counters));
            return;
        }
        let before = ranges.range(..=counters.start).next_back();
        let start = match before.map(|(start, end)| (*start, *end)) {
            Some((start, end)) if end == counters.start => start,
            _ => counters.start,
        };
        let end = ranges.remove(&counters.end).unwrap_or(counters.end);
        ranges.insert(start, end);
    }

    /// The counter after the peer's last operation; 0: it has none.
    fn end(&self, peer: u64) -> i32 {
        let ranges = self.of.get(&peer);
        ranges
            .and_then(|r| r.values().next_back())
            .copied()
            .unwrap_or(0)
    }

    /// Compares with the rows of quire.peer.
    pub fn findings(&self, key: DocKey, rows: &BTreeMap<u64, i32>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (peer, counters) in &self.twice {
            let says = format!(
                "operations {} to {} stand in two rows",
                counters.start, counters.end
            );
            findings.push(Finding::peer(key, *peer, &says));
        }
        for (peer, ranges) in &self.of {
            let mut reached = 0;
            for (start, end) in ranges {
                if *start > reached {
                    let says = format!("operations {reached} to {start} are in no row");
                    findings.push(Finding::peer(key, *peer, &says));
                }
                reached = *end;
            }
        }
        let all = self.of.keys().chain(rows.keys());
        let all: std::collections::BTreeSet<u64> = all.copied().collect();
        for peer in all {
            let (next, end) = (rows.get(&peer).copied(), self.end(peer));
            if next != Some(end) {
                findings.push(Finding::counter(key, peer, next, end));
            }
        }
        findings
    }

    /// What the rows have and a document that was built of them does not.
    pub fn hanging(&self, key: DocKey, version: &VersionVector) -> Vec<Finding> {
        let ends = self.of.keys().map(|peer| (*peer, self.end(*peer)));
        ends.filter_map(|(peer, end)| {
            let has = version.get(&peer).copied().unwrap_or(0);
            (has < end).then(|| Finding::hanging(key, peer, has, end))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ranges: &[(i32, i32)]) -> Peers {
        let mut peers = Peers::default();
        for (start, end) in ranges {
            peers.note(1, *start..*end);
        }
        peers
    }

    #[test]
    fn ranges_join_in_any_order() {
        let peers = of(&[(2, 4), (0, 2), (6, 9), (4, 6)]);
        assert_eq!(peers.of[&1], BTreeMap::from([(0, 9)]));
        assert!(peers.twice.is_empty());
    }

    #[test]
    fn what_stands_twice_or_nowhere_is_told() {
        let key = DocKey {
            org_id: uuid::Uuid::nil(),
            document_id: uuid::Uuid::nil(),
        };
        let rows = BTreeMap::from([(1, 8)]);
        assert!(of(&[(0, 8)]).findings(key, &rows).is_empty());
        assert_eq!(of(&[(0, 3), (4, 8)]).findings(key, &rows)[0].check, "edits");
        assert_eq!(of(&[(0, 8), (3, 4)]).findings(key, &rows)[0].check, "edits");
        assert_eq!(of(&[(0, 8), (0, 8)]).findings(key, &rows)[0].check, "edits");
        assert_eq!(of(&[(0, 9)]).findings(key, &rows)[0].check, "peer");
        assert_eq!(of(&[]).findings(key, &rows)[0].check, "peer");
    }
}
