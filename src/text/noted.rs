//! Documents whose stored text lacks something, and when it is time to write it. No I/O; the time is
//! told.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use loro::VersionVector;

use crate::document::trial::DocKey;

/// A text is written when nobody has written in the document for so long,
const QUIET: Duration = Duration::from_secs(5);
/// or when it has lacked something for so long, however much is typed.
const LATEST: Duration = Duration::from_secs(30);
/// and later when much was written, which takes time to be read: a second for so many bytes.
const READ_BYTES_PER_SECOND: usize = 1 << 20;
/// How much later each further server does it, in case those before it do not.
const TURN: Duration = Duration::from_secs(10);
/// A long text is written less often: not more than so many bytes a second on average.
const BYTES_PER_SECOND: usize = 16 * 1024;
/// Documents that are noted at most; more are found in the tables.
const DOCUMENTS: usize = 50_000;
/// Of those that wait, so many are asked whose turn it is: each costs a hash a server.
const CONSIDERED: usize = 1_024;
/// Peers of a document whose edits are waited for.
const PEERS: usize = 256;
/// How often a document is tried of which not everything noted can be read.
const TRIES: u32 = 5;

#[derive(Default)]
pub(super) struct Noted {
    documents: HashMap<DocKey, Stand>,
    /// Long texts that were written lately, and until when they rest.
    resting: HashMap<DocKey, Instant>,
    /// A document was not noted because there were too many.
    is_incomplete: bool,
}

struct Stand {
    /// The first and the newest edit that the text may lack.
    first: Instant,
    newest: Instant,
    /// Bytes of these edits.
    bytes: usize,
    /// How far each peer is known to have written: the tables may show it later than the log.
    reached: HashMap<u64, i32>,
    tries: u32,
}

impl Noted {
    /// The document has an edit of this peer, up to this counter, of so many bytes; or its text is missing.
    pub fn note(&mut self, key: DocKey, edit: Option<(u64, i32, usize)>, now: Instant) {
        if self.documents.len() >= DOCUMENTS && !self.documents.contains_key(&key) {
            self.is_incomplete = true;
            return;
        }
        let stand = self.documents.entry(key).or_insert_with(|| Stand {
            first: now,
            newest: now,
            bytes: 0,
            reached: HashMap::new(),
            tries: 0,
        });
        stand.newest = now;
        let Some((peer, counter, bytes)) = edit else {
            return;
        };
        stand.bytes += bytes;
        if stand.reached.len() < PEERS || stand.reached.contains_key(&peer) {
            let reached = stand.reached.entry(peer).or_default();
            *reached = counter.max(*reached);
        }
    }

    /// The document has no text to be written: it is in the bin, or gone.
    pub fn forget(&mut self, key: &DocKey) {
        self.documents.remove(key);
    }

    /// Documents whose text is to be written by now, by the first of the servers, and since when.
    pub fn waiting(&self, now: Instant) -> Vec<(Instant, DocKey)> {
        let all = self.documents.iter();
        all.map(|(key, stand)| (self.due_at(key, stand), *key))
            .filter(|(at, _)| *at <= now)
            .collect()
    }

    fn due_at(&self, key: &DocKey, stand: &Stand) -> Instant {
        let reading = Duration::from_secs((stand.bytes / READ_BYTES_PER_SECOND) as u64);
        let at = (stand.newest + QUIET).min(stand.first + LATEST + reading);
        self.resting.get(key).map_or(at, |rested| at.max(*rested))
    }

    /// The stored text has everything of this version. What it lacks of what was noted is tried again.
    pub fn settle(&mut self, key: &DocKey, version: &VersionVector, now: Instant) {
        let Some(stand) = self.documents.get_mut(key) else {
            return;
        };
        let is_in = |(peer, counter): (&u64, &i32)| {
            version.get(peer).is_some_and(|reached| reached >= counter)
        };
        if stand.reached.iter().all(is_in) {
            self.documents.remove(key);
        } else {
            self.fail(key, now);
        }
    }

    /// The text could not be written, or lacks something: once more, later, and not for ever.
    pub fn fail(&mut self, key: &DocKey, now: Instant) {
        let Some(stand) = self.documents.get_mut(key) else {
            return;
        };
        stand.tries += 1;
        (stand.first, stand.newest, stand.bytes) = (now, now, 0);
        if stand.tries >= TRIES {
            self.documents.remove(key);
        }
    }

    /// A text of that length was written: a long one is left alone for a while.
    pub fn rest(&mut self, key: DocKey, bytes: usize, now: Instant) {
        self.resting.retain(|_, rested| *rested > now);
        let rest = Duration::from_secs((bytes / BYTES_PER_SECOND) as u64);
        if rest > QUIET {
            self.resting.insert(key, now + rest);
        }
    }

    /// Whether a document was not noted since this was asked last.
    pub fn take_incomplete(&mut self) -> bool {
        std::mem::take(&mut self.is_incomplete)
    }
}

/// Of the documents that wait those whose turn it is here, which have waited longest. `turn` says how
/// many servers are to be given the time to do it before.
pub(super) fn due(
    mut waiting: Vec<(Instant, DocKey)>,
    now: Instant,
    turn: impl Fn(&DocKey) -> u32,
    limit: usize,
) -> Vec<DocKey> {
    waiting.sort_unstable();
    waiting.truncate(CONSIDERED);
    let mut due: Vec<(Instant, DocKey)> = waiting
        .into_iter()
        .map(|(at, key)| (at + TURN * turn(&key), key))
        .filter(|(at, _)| *at <= now)
        .collect();
    due.sort_unstable();
    due.truncate(limit);
    due.into_iter().map(|(_, key)| key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const KEY: DocKey = DocKey {
        org_id: Uuid::nil(),
        document_id: Uuid::nil(),
    };

    fn second(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn due(noted: &Noted, now: Instant) -> Vec<DocKey> {
        super::due(noted.waiting(now), now, |_| 0, 10)
    }

    fn version(counter: i32) -> VersionVector {
        VersionVector::from_iter([(7, counter)])
    }

    #[test]
    fn typing_for_minutes_costs_a_write_every_half_minute() {
        let (mut noted, start) = (Noted::default(), Instant::now());
        let mut writes = 0;
        for s in 0..300 {
            let now = start + second(s);
            noted.note(KEY, Some((7, s as i32 + 1, 90)), now);
            for key in due(&noted, now) {
                writes += 1;
                noted.settle(&key, &version(s as i32 + 1), now);
            }
        }
        assert_eq!(writes, 9, "at 30, 61, …");
        let after = start + second(299) + QUIET;
        assert_eq!(due(&noted, after - second(1)), []);
        assert_eq!(due(&noted, after), [KEY], "and one when all is said");
    }

    #[test]
    fn what_the_tables_do_not_show_yet_is_tried_again_and_not_for_ever() {
        let (mut noted, mut now) = (Noted::default(), Instant::now());
        noted.note(KEY, Some((7, 9, 90)), now);
        for _ in 0..TRIES {
            now += QUIET;
            assert_eq!(due(&noted, now), [KEY]);
            noted.settle(&KEY, &version(8), now);
            assert_eq!(due(&noted, now), []);
        }
        assert_eq!(due(&noted, now + LATEST), []);
        noted.note(KEY, Some((7, 9, 90)), now);
        noted.settle(&KEY, &version(9), now);
        assert_eq!(due(&noted, now + LATEST), []);
    }

    #[test]
    fn another_server_does_it_only_when_the_first_has_not() {
        let (mut noted, start) = (Noted::default(), Instant::now());
        noted.note(KEY, None, start);
        let second_server = |now| super::due(noted.waiting(now), now, |_| 1, 10);
        assert_eq!(second_server(start + QUIET), []);
        assert_eq!(second_server(start + QUIET + TURN), [KEY]);
    }

    #[test]
    fn a_long_text_is_written_less_often() {
        let (mut noted, start) = (Noted::default(), Instant::now());
        noted.rest(KEY, 100 * BYTES_PER_SECOND, start);
        noted.note(KEY, None, start);
        assert_eq!(due(&noted, start + second(99)), []);
        assert_eq!(due(&noted, start + second(100)), [KEY]);
    }

    #[test]
    fn documents_beyond_the_bound_are_looked_for_in_the_tables() {
        let (mut noted, now) = (Noted::default(), Instant::now());
        for number in 0..=DOCUMENTS as u128 {
            let document_id = Uuid::from_u128(number);
            noted.note(DocKey { document_id, ..KEY }, None, now);
        }
        assert!(noted.take_incomplete());
        assert!(!noted.take_incomplete());
        assert_eq!(noted.waiting(now + QUIET).len(), DOCUMENTS);
    }
}
