//! What the bare commit costs on the same database: rows of the same size into a scratch table with
//! the same key, one row a commit.

use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::figures::Figures;
use crate::error::Result;
use crate::postgres::{Pool, failed};

/// Commits when no rate is asked for.
const UNPACED_COMMITS: usize = 1000;

/// What was measured.
#[derive(Default)]
pub struct Bare {
    /// One for each commit, from the call to its answer.
    pub commits: Figures,
    /// Log that they wrote, in bytes; exact only when nothing else was written meanwhile.
    pub wal_bytes: i64,
}

/// A scratch table, and commits into it.
pub struct BareCommits {
    pool: Pool,
    table: String,
    row: Vec<u8>,
}

impl BareCommits {
    /// Makes the table, for rows with updates of `update_bytes`.
    ///
    /// # Errors
    /// As the database fails.
    pub async fn create(pool: &Pool, update_bytes: usize) -> Result<Self> {
        let table = format!("quire_replay_{}", Uuid::new_v4().simple());
        let client = pool.get().await.map_err(failed("make a scratch table"))?;
        let statement = format!(
            "create table {table} (
                org_id uuid not null,
                document_id uuid not null,
                xid xid8 not null default pg_current_xact_id(),
                edit_id bigint not null generated always as identity,
                account_id uuid not null,
                session_id uuid,
                peer_id bigint not null,
                counter_start integer not null,
                counter_end integer not null,
                inserted integer not null,
                deleted integer not null,
                created_at timestamptz not null default clock_timestamp(),
                update bytea not null,
                primary key (org_id, document_id, xid, edit_id)
            )"
        );
        client
            .batch_execute(&statement)
            .await
            .map_err(failed("make a scratch table"))?;
        Ok(Self {
            pool: pool.clone(),
            table,
            row: vec![0xa5; update_bytes],
        })
    }

    /// Commits row by row: `count` of them, each `pause` after the one before it began, or as many
    /// as are usual without a pause.
    ///
    /// # Errors
    /// As the database fails.
    pub async fn run(&self, pace: Option<(usize, Duration)>) -> Result<Bare> {
        let context = "commit a bare row";
        let client = self.pool.get().await.map_err(failed(context))?;
        let statement = format!(
            "insert into {} (org_id, document_id, account_id, session_id, peer_id, counter_start, \
             counter_end, inserted, deleted, update) values ($1, $2, $3, $4, $5, $6, $7, 1, 0, $8)",
            self.table
        );
        let statement = client.prepare(&statement).await.map_err(failed(context))?;
        let ids: [Uuid; 4] = std::array::from_fn(|_| Uuid::new_v4());
        let mut bare = Bare::default();
        let before = wal_position(&client).await?;
        let mut tick = pace.map(|(_, pause)| interval(pause));
        if let Some(tick) = &mut tick {
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let count = pace.map_or(UNPACED_COMMITS, |(count, _)| count);
        for counter in 0..count as i32 {
            if let Some(tick) = &mut tick {
                tick.tick().await;
            }
            let start = Instant::now();
            client
                .execute(
                    &statement,
                    &[
                        &ids[0],
                        &ids[1],
                        &ids[2],
                        &ids[3],
                        &1_i64,
                        &counter,
                        &(counter + 1),
                        &self.row,
                    ],
                )
                .await
                .map_err(failed(context))?;
            bare.commits.add(start.elapsed());
        }
        bare.wal_bytes = wal_position(&client).await? - before;
        Ok(bare)
    }

    /// Removes the table.
    ///
    /// # Errors
    /// As the database fails.
    pub async fn remove(self) -> Result<()> {
        let context = "remove the scratch table";
        let client = self.pool.get().await.map_err(failed(context))?;
        client
            .batch_execute(&format!("drop table {}", self.table))
            .await
            .map_err(failed(context))
    }
}

/// Where the log stands, in bytes.
///
/// # Errors
/// As the database fails.
pub async fn wal_position(client: &tokio_postgres::Client) -> Result<i64> {
    let row = client
        .query_one(
            "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint",
            &[],
        )
        .await
        .map_err(failed("read the position of the log"))?;
    Ok(row.get(0))
}
