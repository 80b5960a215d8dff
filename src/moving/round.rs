//! Rounds of copying: each brings what was committed since the one before it, exactly, by what the snapshot
//! of that one could not see. Documents are taken in ranges of their ids, so that no transaction is long.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::copy::{self, Copied, NOTHING_SEEN};
use super::side::Side;
use super::tables::TABLES;
use super::{accounts, check, close};
use crate::error::Result;
use crate::postgres::PoolClient;

const MOVE_DOCUMENTS: &str = include_str!("../../sql/move_documents.sql");
const MOVE_NEXT_EDIT: &str = include_str!("../../sql/move_next_edit.sql");
const CURRENT_SNAPSHOT: &str = include_str!("../../sql/current_snapshot.sql");

/// Documents in a range.
const RANGE: i64 = 200;
/// A round that takes no longer leaves little for the last one.
const SHORT: Duration = Duration::from_millis(300);
/// Rounds before the last one at most: people may write faster than they get shorter.
const ROUNDS: u32 = 20;

/// Documents after `after` and up to `up_to`, and the snapshot under which their edits were read last.
struct Range {
    after: Uuid,
    up_to: Uuid,
    seen: String,
}

pub(super) struct Rounds<'a> {
    pub from: &'a Side,
    pub to: &'a Side,
    org_id: Uuid,
    reader: PoolClient,
    writer: PoolClient,
    /// All ids there can be, also of documents that are yet to be made.
    ranges: Vec<Range>,
    /// What was compared in full.
    compared: check::Counts,
}

impl<'a> Rounds<'a> {
    /// Nothing is copied yet.
    pub async fn new(from: &'a Side, to: &'a Side, org_id: Uuid) -> Result<Self> {
        let (reader, writer) = (from.client().await?, to.client().await?);
        let mut ranges = Vec::new();
        let mut after = Uuid::nil();
        loop {
            let rows = reader
                .query(MOVE_DOCUMENTS, &[&org_id, &after, &RANGE])
                .await
                .map_err(from.failed("list documents"))?;
            let is_last = (rows.len() as i64) < RANGE;
            let last = rows.last().map(|row| row.get("document_id"));
            let up_to = last.filter(|_| !is_last).unwrap_or(Uuid::max());
            ranges.push(Range {
                after,
                up_to,
                seen: NOTHING_SEEN.to_owned(),
            });
            if is_last {
                break;
            }
            after = up_to;
        }
        Ok(Self {
            from,
            to,
            org_id,
            reader,
            writer,
            ranges,
            compared: check::Counts::new(),
        })
    }

    /// Copies everything, then what came meanwhile, until that takes no longer than a moment. Answers how
    /// many edits that was.
    pub async fn until_little_is_left(&mut self) -> Result<u64> {
        // Who began to fold before the mark was set is waited for: from now on only edits are added.
        close::wait_for_writers(self.from, &self.reader).await?;
        self.tables(false).await?;
        let mut copied = self.edits().await?.rows;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            copied += self.edits().await?.rows;
            if began.elapsed() <= SHORT {
                break;
            }
        }
        Ok(copied)
    }

    /// Compares all edits in full, row by row, while people write: what is not the same because it was
    /// written just now is compared again in the end.
    pub async fn compare(&mut self) -> Result<()> {
        let (counts, _) = check::counts(self.to, &self.writer, self.org_id).await?;
        let documents: Vec<Uuid> = counts.keys().copied().collect();
        let sides = ((self.from, &self.reader), (self.to, &self.writer));
        let different = check::different(sides.0, sides.1, self.org_id, &documents).await?;
        self.compared = counts;
        self.compared.retain(|id, _| !different.contains(id));
        // What was written meanwhile is brought along now rather than when nobody can write.
        self.edits().await?;
        self.tables(false).await?;
        Ok(())
    }

    /// Closes the organisation at the source, on the connection on which it is read: another one may lead to
    /// another server since.
    pub async fn close(&mut self, move_id: Uuid, addresses: &[String]) -> Result<()> {
        close::close(self.from, &mut self.reader, self.org_id, move_id, addresses).await
    }

    /// Waits for whoever was writing at the source when it was closed.
    pub async fn writers_ended(&self) -> Result<()> {
        close::wait_for_writers(self.from, &self.reader).await
    }

    /// The connections to both, on which all of this is done.
    pub fn connections(&self) -> (&PoolClient, &PoolClient) {
        (&self.reader, &self.writer)
    }

    /// The last round, when nobody writes, and the last comparison. Answers how many bytes were copied.
    pub async fn last(&mut self) -> Result<u64> {
        let mut copied = self.edits().await?;
        copied += self.tables(true).await?;
        let sides = ((self.from, &self.reader), (self.to, &self.writer));
        let (there, newest) =
            check::all_is_there(sides.0, sides.1, self.org_id, &self.compared).await?;
        self.compared = there;
        // What is written there comes after all this by its id, too.
        self.writer
            .query(MOVE_NEXT_EDIT, &[&newest])
            .await
            .map_err(self.to.failed("go on counting edits"))?;
        Ok(copied.bytes)
    }

    /// Opens the organisation at the target, on the connection on which all of it was found there: a target
    /// that was replaced since may lack something. False: another command has taken the move over.
    pub async fn open(&self, move_id: Uuid) -> Result<bool> {
        let (org_id, client) = (self.org_id, &self.writer);
        self.to
            .go_on_with(client, org_id, move_id, "arriving", "here")
            .await
    }

    /// Documents that have moved, after the last round.
    pub fn documents(&self) -> u64 {
        self.compared.len() as u64
    }

    /// Their edits.
    pub fn edits_moved(&self) -> u64 {
        let edits = self.compared.values().map(|(edits, _)| *edits as u64);
        edits.sum()
    }

    /// One round of edits.
    async fn edits(&mut self) -> Result<Copied> {
        let mut copied = Copied::default();
        for range in &mut self.ranges {
            let reading = copy::moment(self.from, &mut self.reader).await?;
            let seen = reading.query_one(CURRENT_SNAPSHOT, &[]).await;
            let seen: String = seen.map_err(self.from.failed("read the snapshot"))?.get(0);
            let writing = copy::as_they_are(self.to, &mut self.writer).await?;
            copied += copy::edits(
                (self.from, &reading),
                (self.to, &writing),
                self.org_id,
                (range.after, range.up_to),
                &range.seen,
            )
            .await?;
            writing
                .commit()
                .await
                .map_err(self.to.failed("commit edits"))?;
            reading
                .rollback()
                .await
                .map_err(self.from.failed("end reading"))?;
            range.seen = seen;
        }
        Ok(copied)
    }

    /// Everything but the edits, as far as it is not the same.
    async fn tables(&mut self, is_last: bool) -> Result<Copied> {
        let placed = self.to.placed(self.org_id).await?;
        let known = placed.known_accounts.unwrap_or_default();
        let reading = copy::moment(self.from, &mut self.reader).await?;
        let mut copied = accounts::copy(
            self.from,
            &reading,
            self.to,
            &mut self.writer,
            self.org_id,
            &known,
        )
        .await?;
        for table in TABLES {
            copied += copy::table(
                (self.from, &reading),
                (self.to, &mut self.writer),
                table,
                self.org_id,
                is_last,
            )
            .await?;
        }
        reading
            .rollback()
            .await
            .map_err(self.from.failed("end reading"))?;
        Ok(copied)
    }
}
