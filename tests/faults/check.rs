//! What must hold after a round, whatever went wrong in it.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use loro::LoroDoc;
use quire::client::{Client, Options};
use quire::document::blocks::plain_text;
use quire::postgres::Pool;
use serde::Serialize;
use tokio_postgres::IsolationLevel;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::crowd::{Memory, Word};
use super::stage::Stage;
use super::witness::Log;

/// How long everything may take to come right once nothing is wrong any more.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// How often after a join something may come that is newer than what comes after it. When a server lost
/// its feed it reads the tables, and there a later commit can be seen before an earlier one, which
/// the new stream brings then.
const READINGS: usize = 3;

/// How long it may take, from an author's coming back, until what a failover lost is there again.
const RETURN: Duration = Duration::from_secs(5);

/// What was found. All but `acked` and what tells of failovers must be 0.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Verdict {
    /// Edits that were acknowledged.
    pub acked: usize,
    /// Acknowledged edits that are not in the rows, or whose word is not in the text.
    pub lost: usize,
    /// Edits with more than one row, words that stand twice.
    pub doubled: usize,
    /// Copies that differ from what the rows give, or do not settle.
    pub divergent: usize,
    /// Rows of an author behind the revocation of its right.
    pub after_revocation: usize,
    /// Operations that a reader saw in another order than that of the log.
    pub unordered: usize,
    /// What is left behind: slots, connections, open files, bytes in outboxes.
    pub leaks: usize,
    /// Authors whose acknowledged edits a failover had lost, and who brought them back.
    pub returned: usize,
    /// The longest that it took from the author's coming back, in milliseconds.
    pub slowest_return_ms: u128,
    /// Clients that started over, because nobody could bring back what they had built on.
    pub started_over: usize,
    /// Those that took longer than they may.
    pub late: usize,
    /// What to print of a round that went wrong.
    #[serde(skip)]
    pub complaints: Vec<String>,
}

impl Verdict {
    pub fn add(&mut self, other: Self) {
        self.acked += other.acked;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.divergent += other.divergent;
        self.after_revocation += other.after_revocation;
        self.unordered += other.unordered;
        self.leaks += other.leaks;
        self.returned += other.returned;
        self.slowest_return_ms = self.slowest_return_ms.max(other.slowest_return_ms);
        self.late += other.late;
        self.started_over += other.started_over;
        self.complaints.extend(other.complaints);
    }

    pub fn is_right(&self) -> bool {
        self.lost + self.doubled + self.divergent == 0
            && self.after_revocation + self.unordered + self.leaks + self.late == 0
    }

    /// How what a failover had lost came back, as its author saw it. With `in_time` it must have been soon.
    pub fn note_returns(&mut self, name: usize, memory: &Memory, in_time: bool) {
        self.started_over += memory.given_up.len();
        for took in &memory.returns {
            self.returned += 1;
            self.slowest_return_ms = self.slowest_return_ms.max(took.as_millis());
            if in_time && *took > RETURN {
                self.late += 1;
                self.complain(format!(
                    "what {name} had written was back only after {took:?}"
                ));
            }
        }
    }

    pub fn complain(&mut self, what: String) {
        self.complaints.push(what);
    }
}

/// The rows of a document, as they count for its authors.
pub struct Rows {
    /// The counters of each peer, in ascending order.
    counters: BTreeMap<u64, Vec<(i32, i32)>>,
    text: String,
    version: loro::VersionVector,
}

impl Rows {
    /// Reads them, and builds the document from nothing else.
    pub async fn read(stage: &Stage, document_id: Uuid) -> Self {
        Self::of(
            &stage.pool,
            stage.office.org_id,
            document_id,
            &stage.poisoned,
        )
        .await
    }

    /// Those of a document in another database; without the rows of some peers.
    pub async fn of(pool: &Pool, org_id: Uuid, document_id: Uuid, without: &[u64]) -> Self {
        let mut client = pool.get().await.expect("a connection");
        // One moment of both: edits may be folded meanwhile.
        let moment = client
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .start()
            .await
            .expect("a moment");
        let sql = "select peer_id, counter_start, counter_end, update from quire.edit \
             where org_id = $1 and document_id = $2 order by peer_id, counter_start";
        let of: [&(dyn ToSql + Sync); 2] = [&org_id, &document_id];
        let mut rows = moment.query(sql, &of).await.expect("rows");
        let sql =
            "select peers, counters, update from quire.fold where org_id = $1 and document_id = $2";
        let fold = moment.query_opt(sql, &of).await.expect("a fold");
        moment.rollback().await.expect("ended");
        rows.retain(|row| !without.contains(&(row.get::<_, i64>(0) as u64)));
        let mut counters: BTreeMap<u64, Vec<_>> = BTreeMap::new();
        let document = LoroDoc::new();
        let mut updates: Vec<Vec<u8>> = rows.iter().map(|row| row.get(3)).collect();
        let mut folded: BTreeMap<u64, i32> = BTreeMap::new();
        if let Some(fold) = fold {
            let (peers, ends): (Vec<i64>, Vec<i32>) = (fold.get(0), fold.get(1));
            folded.extend(peers.iter().map(|peer| *peer as u64).zip(ends));
            counters.extend(folded.iter().map(|(peer, end)| (*peer, vec![(0, *end)])));
            updates.push(fold.get(2));
        }
        for row in &rows {
            let peer = row.get::<_, i64>(0) as u64;
            // Rows of what is folded go after it.
            if row.get::<_, i32>(2) <= folded.get(&peer).copied().unwrap_or(0) {
                continue;
            }
            counters
                .entry(peer)
                .or_default()
                .push((row.get(1), row.get(2)));
        }
        // All at once: which of them builds on which does not matter then.
        document.import_batch(&updates).expect("good rows");
        Self {
            counters,
            text: plain_text(&document),
            version: document.oplog_vv(),
        }
    }

    pub fn version(&self) -> &loro::VersionVector {
        &self.version
    }

    fn end(&self, peer: u64) -> i32 {
        let rows = self.counters.get(&peer);
        rows.and_then(|rows| rows.last()).map_or(0, |(_, end)| *end)
    }

    /// Every counter of every peer stands in one row.
    pub fn check(&self, verdict: &mut Verdict) {
        for (peer, rows) in &self.counters {
            let mut next = 0;
            for (start, end) in rows {
                if *start < next {
                    verdict.doubled += 1;
                    verdict.complain(format!("{peer}: {start}..{end} stands in two rows"));
                } else if *start > next {
                    verdict.lost += 1;
                    verdict.complain(format!("{peer}: {next}..{start} stands in no row"));
                }
                next = next.max(*end);
            }
        }
    }

    /// What one author was told is there, and stands once. With `may_be_lost` a failover may have taken
    /// it: the author is gone, or may not write any more.
    pub fn check_author(
        &self,
        name: usize,
        memory: &Memory,
        words: &[Word],
        may_be_lost: bool,
        verdict: &mut Verdict,
    ) {
        for (peer, end) in &memory.acknowledged {
            if self.end(*peer) < *end && !may_be_lost {
                verdict.lost += 1;
                let rows = self.end(*peer);
                verdict.complain(format!("{name} was told {end}, the rows end at {rows}"));
            }
        }
        let acknowledged = |peer: u64| memory.acknowledged.get(&peer).copied().unwrap_or(0);
        for word in words {
            let count = self.text.matches(&word.text).count();
            let is_acknowledged = word.counter_end <= acknowledged(word.peer);
            let is_again = memory.given_up.contains_key(&word.peer);
            let is_there_for_good = (is_acknowledged || is_again) && !may_be_lost;
            verdict.acked += usize::from(is_acknowledged);
            let is_gone = word.deleted.is_some_and(|(by, end)| end <= self.end(by));
            if count > 1 {
                verdict.doubled += 1;
                verdict.complain(format!("{} stands {count} times", word.text));
            } else if count == 1 && is_gone {
                verdict.divergent += 1;
                verdict.complain(format!("{} was deleted and stands", word.text));
            } else if count == 0 && word.deleted.is_none() && is_there_for_good {
                verdict.lost += 1;
                verdict.complain(format!("{} is nowhere", word.text));
            }
        }
    }

    /// A copy gets to what the rows give: the same version and the same text.
    pub async fn check_copy(&self, whose: &str, client: &Client, verdict: &mut Verdict) {
        if !self.check_reaches(whose, client, verdict).await {
            return;
        }
        let problem = client.read(|doc| {
            let (copy, rows) = (doc.oplog_vv(), &self.version);
            if copy != *rows {
                Some(format!("has {copy:?}, the rows {rows:?}"))
            } else if plain_text(doc) != self.text {
                Some("has another text than the rows".to_owned())
            } else {
                None
            }
        });
        if let Some(problem) = problem {
            verdict.divergent += 1;
            verdict.complain(format!("the copy of {whose} {problem}"));
        }
    }

    /// A copy gets all that the rows give; it may have more by then. Answers whether it did.
    pub async fn check_reaches(&self, whose: &str, client: &Client, verdict: &mut Verdict) -> bool {
        let has_all = |doc: &LoroDoc| doc.oplog_vv() >= self.version;
        let got_there = tokio::time::timeout(PATIENCE, client.document_is(has_all)).await;
        let problem = match got_there {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => format!("ended: {error}"),
            Err(_) => client.read(|doc| {
                let (copy, rows) = (doc.oplog_vv(), &self.version);
                format!("lacks what the rows have: {copy:?}, the rows {rows:?}")
            }),
        };
        verdict.divergent += 1;
        verdict.complain(format!("the copy of {whose} {problem}"));
        false
    }

    /// What each server shows to somebody who comes now.
    pub async fn check_servers(&self, stage: &Stage, room: &str, verdict: &mut Verdict) {
        for server in 0..stage.servers.len() {
            let addresses = stage.addresses(server)[..1].to_vec();
            let token = stage.office.owner.token.reveal();
            let client = Client::start(Options::new(addresses, &token, room, "checker"));
            let whose = format!("server {server}");
            self.check_copy(&whose, &client, verdict).await;
            client.close().await;
        }
    }
}

/// What a reader saw who joined when the witness was there is in the order of the log, and what is in the log
/// stands before its author's revocation.
pub fn check_log(log: &Log, since: Instant, memories: &[&Memory], verdict: &mut Verdict) {
    for (peer, rows) in &log.rows {
        let late = rows.iter().filter(|row| {
            let revoked = log.revoked.get(&row.account_id);
            revoked.is_some_and(|place| row.place > *place)
        });
        let late = late.count();
        if late > 0 {
            verdict.after_revocation += late;
            verdict.complain(format!("{peer}: {late} rows after its author's revocation"));
        }
    }
    for memory in memories {
        let (mut join, mut last, mut before, mut readings) = (0, 0, 0, 0);
        for seen in memory.seen.iter().filter(|seen| seen.joined >= since) {
            // What brings several authors' operations at once was read from the tables.
            let [(peer, start, end)] = seen.operations[..] else {
                continue;
            };
            let Some((first, place)) = log.places(peer, start, end) else {
                continue;
            };
            if seen.join != join {
                (join, last, before, readings) = (seen.join, place, 0, 0);
            } else if first < last && first >= before && readings < READINGS {
                // What came before this one was read.
                readings += 1;
                last = place;
            } else if first < last {
                verdict.unordered += 1;
                verdict.complain(format!("{peer} {start}..{end} came after what follows it"));
            } else {
                (before, last) = (last, place);
            }
        }
    }
}

/// Words that nobody was told about may be there or not, but not twice: that was checked. These are
/// the ones whose author is gone, and whom nobody may have seen unless they stand in the rows.
/// A failover may have lost what was shown of `excused` peers, whose authors cannot bring it back.
pub fn unborn(rows: &Rows, memories: &[&Memory], excused: &HashSet<u64>) -> Vec<String> {
    let mut unborn = HashSet::new();
    for memory in memories {
        for (peer, start, end) in memory.seen.iter().flat_map(|seen| &seen.operations) {
            if *end > rows.end(*peer) && !excused.contains(peer) {
                unborn.insert(format!("{peer} {start}..{end} was shown and is in no row"));
            }
        }
    }
    unborn.into_iter().collect()
}
