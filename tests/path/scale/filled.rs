//! Tables as servers leave them that were used for long: documents with histories of many edits, the
//! rows of all of them in turns, a stored snapshot and what was written since.

use loro::{ExportMode, IdSpan, LoroDoc};
use quire::document::live::LiveDocument;
use quire::document::model::body;
use quire::document::update::update_meta;
use quire::document::{fold, model};
use quire::random::Random;
use quire::replay::synthetic;
use tokio_postgres::Client;
use uuid::Uuid;

/// People who wrote one history.
const AUTHORS: usize = 5;
/// Pastes that bring a text to its length.
const PASTES: usize = 100;

/// What pastes are made of: text that is compressed about as well as words are.
const LETTERS: &[u8; 16] = b"etaoinshrdlu  \n.";

/// One edit as a row.
struct Row {
    peer: u64,
    counter_start: i32,
    counter_end: i32,
    update: Vec<u8>,
}

/// A history that many documents have alike.
pub(super) struct History {
    rows: Vec<Row>,
    document: LoroDoc,
    /// What room folds left, by the number of edits in them.
    folds: Vec<(usize, Vec<u8>)>,
}

impl History {
    /// Of so many edits that end in about so many characters.
    pub fn write(seed: u64, edits: usize, characters: usize) -> Self {
        let document = LoroDoc::new();
        model::configure_text_styles(&document);
        let mut history = Self {
            rows: Vec::with_capacity(edits),
            document,
            folds: Vec::new(),
        };
        let first = model::seed(1);
        history.document.import(&first).expect("a seed");
        history.keep(first);
        let pastes = PASTES.min(edits / 10);
        let trace = synthetic::trace(seed, AUTHORS, edits - pastes - 1);
        let missing = characters.saturating_sub(trace.end_content.chars().count());
        let mut random = Random::new(seed);
        let mut paste = || -> String {
            let letters = (0..missing / pastes).map(|_| random.pick(LETTERS));
            letters.copied().map(char::from).collect()
        };
        let every = trace.edits.len() / pastes;
        for (place, edit) in trace.edits.iter().enumerate() {
            let author = 2 + edit.author as u64;
            history.edit(author, |document| {
                let text = body(document);
                text.delete(edit.position, edit.deleted).expect("deleted");
                text.insert(edit.position, &edit.inserted).expect("typed");
            });
            // At the end, where it moves no place of the trace.
            if place % every == 0 && place / every < pastes {
                history.edit(author, |document| {
                    let text = body(document);
                    text.insert(text.len_unicode() - 1, &paste())
                        .expect("pasted");
                });
            }
        }
        history
    }

    fn edit(&mut self, peer: u64, change: impl FnOnce(&LoroDoc)) {
        self.document.set_peer_id(peer).expect("a peer");
        let start = self.next_counter(peer);
        change(&self.document);
        self.document.commit();
        let end = self.next_counter(peer);
        if end > start {
            let span = IdSpan::new(peer, start, end);
            let update = self
                .document
                .export(ExportMode::updates_in_range(vec![span]));
            self.keep(update.expect("an update"));
        }
    }

    fn next_counter(&self, peer: u64) -> i32 {
        self.document
            .oplog_vv()
            .get(&peer)
            .copied()
            .unwrap_or_default()
    }

    fn peers(&self) -> Vec<i64> {
        let version = self.document.oplog_vv();
        version.keys().map(|peer| *peer as i64).collect()
    }

    fn next_counters(&self) -> Vec<i32> {
        let version = self.document.oplog_vv();
        version.values().copied().collect()
    }

    fn keep(&mut self, update: Vec<u8>) {
        let meta = update_meta(&update).expect("an update");
        self.rows.push(Row {
            peer: meta.peer,
            counter_start: meta.counter_start,
            counter_end: meta.counter_end,
            update,
        });
    }

    /// Has a room fold what is before the last `tail` edits. Of several tails the longest comes first.
    pub fn fold_before(&mut self, tail: usize) {
        let edits = self.edits() - tail;
        let mut document = LiveDocument::empty();
        for row in &self.rows[..edits] {
            document.import(&row.update).expect("an update");
        }
        self.folds.push((edits, document.fold().expect("a fold")));
    }

    /// How many edits may follow a fold before a room that stays open folds again.
    pub fn longest_tail(&self) -> usize {
        let snapshot = self.document.export(ExportMode::Snapshot);
        let snapshot_bytes = snapshot.expect("a snapshot").len();
        let mut bytes = 0;
        let lasts = self.rows.iter().rev().enumerate();
        let mut counted = lasts.map(|(before, row)| {
            bytes += row.update.len();
            (before, bytes)
        });
        let due = counted.find(|(before, bytes)| fold::is_due(*bytes, before + 1, snapshot_bytes));
        due.map_or(self.edits() / 2, |(before, _)| before)
    }

    /// How many edits it has.
    pub fn edits(&self) -> usize {
        self.rows.len()
    }

    /// The document in the end.
    pub fn document(&self) -> &LoroDoc {
        &self.document
    }
}

/// Documents with the same history.
pub(super) struct Documents {
    pub ids: Vec<Uuid>,
    org_id: Uuid,
    /// The `pg_snapshot` after so many of the edits.
    seen: Vec<(usize, String)>,
}

impl Documents {
    /// Adds some to an organisation, and all their edits: in one transaction up to each of the folds.
    pub async fn add(
        client: &Client,
        org_id: Uuid,
        account_id: Uuid,
        count: usize,
        history: &History,
    ) -> Self {
        let mut documents = Self {
            ids: (0..count).map(|_| Uuid::new_v4()).collect(),
            org_id,
            seen: Vec::new(),
        };
        client
            .execute(
                "insert into quire.document (org_id, document_id, title, created_by)
                 select $1, id, 'Minutes', $2 from unnest($3::uuid[]) id",
                &[&org_id, &account_id, &documents.ids],
            )
            .await
            .expect("documents");
        client
            .execute(
                "insert into quire.peer (org_id, document_id, peer_id, account_id, next_counter)
                 select $1, id, p.peer_id, $2, p.next_counter
                 from unnest($3::uuid[]) id
                 cross join unnest($4::bigint[], $5::integer[]) as p (peer_id, next_counter)",
                &[
                    &org_id,
                    &account_id,
                    &documents.ids,
                    &history.peers(),
                    &history.next_counters(),
                ],
            )
            .await
            .expect("peers");
        let mut from = 0;
        let ends = history.folds.iter().map(|(edits, _)| *edits);
        for end in ends.chain([history.edits()]) {
            documents
                .insert(client, account_id, &history.rows[from..end])
                .await;
            let seen = client
                .query_one("select pg_current_snapshot()::text", &[])
                .await
                .expect("a position");
            documents.seen.push((end, seen.get(0)));
            from = end;
        }
        documents
    }

    /// The rows of all documents in turns, as they come when people write at the same time.
    async fn insert(&self, client: &Client, account_id: Uuid, rows: &[Row]) {
        let peers: Vec<i64> = rows.iter().map(|row| row.peer as i64).collect();
        let starts: Vec<i32> = rows.iter().map(|row| row.counter_start).collect();
        let ends: Vec<i32> = rows.iter().map(|row| row.counter_end).collect();
        let updates: Vec<&[u8]> = rows.iter().map(|row| &row.update[..]).collect();
        client
            .execute(
                "insert into quire.edit (
                     org_id, document_id, account_id, peer_id, counter_start, counter_end,
                     inserted, deleted, update
                 )
                 select $1, id, $2, e.peer_id, e.counter_start, e.counter_end, 1, 0, e.update
                 from unnest($3::bigint[], $4::integer[], $5::integer[], $6::bytea[])
                     with ordinality as e (peer_id, counter_start, counter_end, update, place)
                 cross join unnest($7::uuid[]) id
                 order by e.place",
                &[
                    &self.org_id,
                    &account_id,
                    &peers,
                    &starts,
                    &ends,
                    &updates,
                    &self.ids,
                ],
            )
            .await
            .expect("edits");
    }

    /// Leaves that fold of the history as the stored snapshot of each document.
    pub async fn fold(&self, client: &Client, history: &History, edits: usize) {
        let of_edits = |(of, _): &&(usize, Vec<u8>)| *of == edits;
        let (_, fold) = history.folds.iter().find(of_edits).expect("a fold");
        let (_, seen) = self
            .seen
            .iter()
            .find(|(of, _)| *of == edits)
            .expect("a position");
        client
            .execute(
                "insert into quire.snapshot (org_id, document_id, seen, system_identifier, bytes, snapshot)
                 select $1, id, $2::text::pg_snapshot, c.system_identifier, length($3::bytea), $3
                 from unnest($4::uuid[]) id cross join pg_control_system() c
                 on conflict (org_id, document_id) do update
                 set seen = excluded.seen, bytes = excluded.bytes, snapshot = excluded.snapshot",
                &[&self.org_id, seen, fold, &self.ids],
            )
            .await
            .expect("snapshots");
    }

    /// The rooms of all of them.
    pub fn rooms(&self) -> impl Iterator<Item = String> {
        self.ids.iter().map(|id| format!("{}/{id}", self.org_id))
    }
}
