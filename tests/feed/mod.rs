//! The feed against real Postgres: what it delivers, what it keeps, how it comes back.

mod delivery;
mod messages;
mod reconnect;
pub mod recorded;
mod sign_in;
mod slot;
mod standby;
mod visibility;

use std::sync::Arc;
use std::time::Duration;

use quire::change::{Change, Edit, Transaction};
use quire::feed::{Feed, Handle, Settings, State, Status, Step};
use tokio_postgres::{Client, GenericClient};
use uuid::Uuid;

use crate::kit::postgres::Database;

/// Nothing in these tests takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}

fn settings(database: &Database) -> Settings {
    Settings::new(&database.url).expect("the address can be read")
}

/// A feed that streams.
async fn streaming(settings: Settings) -> (Feed, Handle) {
    let (mut feed, handle) = Feed::start(settings);
    connected(&mut feed).await;
    (feed, handle)
}

/// Reads on until a new slot streams; says its epoch and whether the log is another one.
async fn connected(feed: &mut Feed) -> (u64, bool) {
    let reading = async {
        loop {
            if let Step::Connected { epoch, log_changed } = feed.next().await {
                return (epoch, log_changed);
            }
        }
    };
    within("a stream", reading).await
}

/// The next transaction; other steps are passed over.
async fn transaction(feed: &mut Feed) -> Arc<Transaction> {
    let reading = async {
        loop {
            if let Step::Transaction(transaction) = feed.next().await {
                return transaction;
            }
        }
    };
    within("a transaction", reading).await
}

/// The edits of a transaction.
fn edits(transaction: &Transaction) -> impl Iterator<Item = &Edit> {
    transaction
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Edit(edit) => Some(edit),
            Change::Event(_) | Change::Message(_) => None,
        })
}

/// Waits until the status is as `is_right` asks.
async fn status(handle: &Handle, what: &str, is_right: impl FnMut(&Status) -> bool) -> Status {
    let mut watch = handle.status();
    let waiting = watch.wait_for(is_right);
    within(what, waiting).await.expect("the feed lives").clone()
}

async fn is_waiting_for_slot(handle: &Handle) {
    let is_right = |status: &Status| matches!(status.state, State::WaitingForSlot { .. });
    status(handle, "waiting for the slot", is_right).await;
}

/// Waits for something that only asking again can show.
async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let asking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    within(what, asking).await;
}

/// Writes one edit; its peer and counter tell it apart.
async fn insert(
    client: &impl GenericClient,
    document_id: Uuid,
    peer: i64,
    counter: i32,
    update: &[u8],
) {
    let sql = "insert into quire.edit (org_id, document_id, account_id, peer_id, counter_start, \
               counter_end, inserted, deleted, update) values ($1, $2, $3, $4, $5, $6, 1, 0, $7)";
    let org_id = Uuid::nil();
    client
        .execute(
            sql,
            &[
                &org_id,
                &document_id,
                &org_id,
                &peer,
                &counter,
                &(counter + 1),
                &update,
            ],
        )
        .await
        .expect("an edit is written");
}

/// How many slots the cluster has.
async fn slots(client: &Client) -> i64 {
    let sql = "select count(*) from pg_replication_slots";
    client
        .query_one(sql, &[])
        .await
        .expect("slots are counted")
        .get(0)
}
