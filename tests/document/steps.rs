//! Bringing a copy up to date in parts.

use loro::{LoroDoc, VersionVector};
use quire::document::live::LiveDocument;

use super::history::History;
use crate::kit::random::{self, Random};

const HISTORIES: usize = 20;

#[test]
fn every_step_can_be_imported_and_the_last_leads_to_the_end() {
    let mut random = Random::new(random::seed());
    for _ in 0..HISTORIES {
        let history = History::random(&mut random, true);
        let mut live = LiveDocument::empty();
        for row in &history.rows {
            live.import(row).expect("an honest row");
        }
        let most = 1 + random.below(40) as i64;
        let copy = LoroDoc::new();
        copy.import(&history.rows[0]).expect("the seed");
        let mut version = copy.oplog_vv();
        while let Some(next) = live.step(&version, most).expect("no panic") {
            let part = live.export_between(&version, &next).expect("no panic");
            let status = copy.import(&part.expect("a step")).expect("imported");
            assert!(status.pending.is_none(), "it builds on what was there");
            assert!(distance(&version, &next) <= most, "no longer than asked");
            assert_eq!(copy.oplog_vv(), next);
            version = next;
        }
        let rest = live.export_from(&version).expect("no panic");
        copy.import(&rest).expect("imported");
        assert_eq!(copy.oplog_vv(), live.version().expect("no panic"));
    }
}

fn distance(from: &VersionVector, to: &VersionVector) -> i64 {
    let start = |peer| from.get(peer).copied().unwrap_or(0);
    to.iter()
        .map(|(peer, end)| i64::from(end - start(peer)))
        .sum()
}
