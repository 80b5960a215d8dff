//! What servers answered to the last probes. Filled from the log alone, so that every server finds
//! the same differences in the same order. No I/O.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::change::Lsn;
use crate::document::trial::DocKey;
use crate::fanout::Digest;

/// Probes whose answers are kept; an answer to an older one is let go.
const PROBES: usize = 32;
/// A document that differs again so soon after it was built anew is not built anew again: that would
/// not help, and its readers would have to join each time.
const REBUILT_LATELY: Duration = Duration::from_secs(300);

#[derive(Default)]
pub(super) struct Table {
    probes: VecDeque<Probe>,
    found: HashMap<DocKey, Found>,
}

struct Probe {
    probe_id: Uuid,
    position: Lsn,
    /// The first answer for each document, and whether another one differed from it.
    first: HashMap<DocKey, (String, Digest, bool)>,
}

struct Found {
    /// Where in the log it was told: answers to older probes say nothing new.
    told_at: Lsn,
    rebuilt: Instant,
}

/// Two servers hold different versions of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    pub document: DocKey,
    /// Where both looked.
    pub position: Lsn,
    pub servers: [String; 2],
    /// Whether the copies are to be built anew.
    pub rebuild: bool,
}

impl Table {
    /// A probe stands at `position`.
    pub fn probe(&mut self, probe_id: Uuid, position: Lsn) {
        if self.probes.len() == PROBES {
            self.probes.pop_front();
        }
        self.probes.push_back(Probe {
            probe_id,
            position,
            first: HashMap::new(),
        });
    }

    /// A server answered, which was told at `told_at`. Answers the differences that this shows, and
    /// how many documents agreed.
    pub fn answers(
        &mut self,
        probe_id: Uuid,
        address: &str,
        digests: &[(DocKey, Digest)],
        told_at: Lsn,
        now: Instant,
    ) -> (Vec<Difference>, u64) {
        let (mut differences, mut agreed) = (Vec::new(), 0);
        let Some(probe) = self.probes.iter_mut().find(|p| p.probe_id == probe_id) else {
            return (differences, agreed);
        };
        self.found
            .retain(|_, found| now.saturating_duration_since(found.rebuilt) < REBUILT_LATELY);
        for (document, digest) in digests {
            let Some((server, first, differs)) = probe.first.get_mut(document) else {
                let first = (address.to_owned(), *digest, false);
                probe.first.insert(*document, first);
                continue;
            };
            if first == digest {
                agreed += 1;
                continue;
            }
            let found = self.found.get_mut(document);
            let is_known = found
                .as_ref()
                .is_some_and(|found| probe.position <= found.told_at);
            if std::mem::replace(differs, true) || is_known {
                continue;
            }
            differences.push(Difference {
                document: *document,
                position: probe.position,
                servers: [server.clone(), address.to_owned()],
                rebuild: found.is_none(),
            });
            match found {
                Some(found) => found.told_at = told_at,
                None => {
                    let rebuilt = now;
                    self.found.insert(*document, Found { told_at, rebuilt });
                }
            }
        }
        (differences, agreed)
    }

    /// Positions mean something else from here on.
    pub fn clear(&mut self) {
        self.probes.clear();
        self.found.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: DocKey = DocKey {
        org_id: Uuid::nil(),
        document_id: Uuid::nil(),
    };

    fn ask(table: &mut Table, probe: u128, place: u64) -> Uuid {
        let probe_id = Uuid::from_u128(probe);
        table.probe(probe_id, Lsn(place));
        probe_id
    }

    #[test]
    fn a_difference_is_found_once_and_rebuilt_once_in_a_while() {
        let (mut table, now) = (Table::default(), Instant::now());
        let answer = |table: &mut Table, probe, server, digest, told_at, now| {
            table.answers(
                probe,
                server,
                &[(DOCUMENT, [digest; 16])],
                Lsn(told_at),
                now,
            )
        };
        let first = ask(&mut table, 1, 10);
        let second = ask(&mut table, 2, 11);
        assert_eq!(answer(&mut table, first, "a", 1, 12, now), (vec![], 0));
        let (found, _) = answer(&mut table, first, "b", 2, 13, now);
        let difference = Difference {
            document: DOCUMENT,
            position: Lsn(10),
            servers: ["a".into(), "b".into()],
            rebuild: true,
        };
        assert_eq!(found, [difference]);
        let (again, _) = answer(&mut table, first, "c", 2, 14, now);
        assert!(again.is_empty(), "of one probe it is told once");
        answer(&mut table, second, "a", 1, 15, now);
        let (again, _) = answer(&mut table, second, "b", 2, 16, now);
        assert!(again.is_empty(), "they looked before it was told");
        for (later, rebuild) in [(1, false), (400, true)] {
            let probe = ask(&mut table, 2 + later, 20 * u64::try_from(later).unwrap());
            let now = now + Duration::from_secs(later as u64);
            answer(&mut table, probe, "a", 1, 1_000 * later as u64, now);
            let (found, _) = answer(&mut table, probe, "b", 2, 1_000 * later as u64 + 1, now);
            assert_eq!(found.len(), 1, "after {later} s");
            assert_eq!(found[0].rebuild, rebuild, "after {later} s");
        }
    }

    #[test]
    fn equal_answers_agree_and_answers_to_unknown_probes_say_nothing() {
        let (mut table, now) = (Table::default(), Instant::now());
        let digests = [(DOCUMENT, [1; 16])];
        let probe = ask(&mut table, 1, 10);
        table.answers(probe, "a", &digests, Lsn(11), now);
        let agreed = table.answers(probe, "b", &digests, Lsn(12), now);
        assert_eq!(agreed, (vec![], 1));
        for other in 0..PROBES as u128 {
            ask(&mut table, 100 + other, 20);
        }
        let late = table.answers(probe, "c", &[(DOCUMENT, [2; 16])], Lsn(30), now);
        assert_eq!(late, (vec![], 0));
    }
}
