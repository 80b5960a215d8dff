//! What readers with SQL need besides the migrations: the rights of quire_reader and quire_operator,
//! and the index by time. None of it is done in a migration, because each would hold up edits for as
//! long as the migration takes.

use super::{Pool, PoolClient, failed};
use crate::error::Result;

const MAKE_READER_ROLES: &str = include_str!("../../sql/make_reader_roles.sql");
const OPEN_RELATIONS: &str = include_str!("../../sql/open_relations.sql");
const OPEN_TO_READERS: &str = include_str!("../../sql/open_to_readers.sql");
const MISSING_INDEXES: &str = include_str!("../../sql/missing_indexes.sql");

/// "quire rdix" as a number: one server at a time makes indexes.
const LOCK: i64 = 0x7175_6972_6472_6978;
/// A lock that is waited for holds up edits, so it is given up soon and tried again.
const TRIES: u32 = 10;

/// Lets the roles of readers at the tables and views, one after another. Where our role may not make
/// those roles there are none; the doctor says so. `lock` is the advisory lock of migrations.
pub(super) async fn open_to_readers(pool: &Pool, lock: i64) -> Result<()> {
    let context = "make the roles of readers";
    let client = pool.get().await.map_err(failed(context))?;
    let row = client.query_one(MAKE_READER_ROLES, &[]).await;
    if !row.map_err(failed(context))?.get::<_, bool>("are_there") {
        return Ok(());
    }
    let closed = closed_relations(&client).await?;
    // The pool may have no other connection.
    drop(client);
    for relation in closed {
        open(pool, &relation, lock).await;
    }
    Ok(())
}

/// Tables and views that readers are not let at as they should be.
pub(super) async fn closed_relations(client: &PoolClient) -> Result<Vec<String>> {
    let rows = client
        .query(OPEN_RELATIONS, &[])
        .await
        .map_err(failed("read the rights of readers"))?;
    let closed = rows.iter().filter(|row| !row.get::<_, bool>("is_right"));
    Ok(closed.map(|row| row.get("relation")).collect())
}

async fn open(pool: &Pool, relation: &str, lock: i64) {
    let mut failure = None;
    for _ in 0..TRIES {
        match open_once(pool, relation, lock).await {
            Ok(()) => return,
            Err(error) => failure = Some(error),
        }
    }
    if let Some(error) = failure {
        tracing::warn!(relation, %error, "readers are not let at this table yet: run quire migrate again");
    }
}

async fn open_once(pool: &Pool, relation: &str, lock: i64) -> Result<()> {
    let context = format!("let readers at quire.{relation}");
    let mut client = pool.get().await.map_err(failed(&context))?;
    let transaction = client.transaction().await.map_err(failed(&context))?;
    let lock = format!(
        "select pg_advisory_xact_lock({lock}); \
         set local lock_timeout = '500ms'"
    );
    transaction
        .batch_execute(&lock)
        .await
        .map_err(failed(&context))?;
    transaction
        .execute(OPEN_TO_READERS, &[&relation])
        .await
        .map_err(failed(&context))?;
    transaction.commit().await.map_err(failed(&context))
}

/// Statements that make the indexes which are not there.
pub(super) async fn missing_indexes(client: &PoolClient) -> Result<Vec<String>> {
    let rows = client
        .query(MISSING_INDEXES, &[])
        .await
        .map_err(failed("look for missing indexes"))?;
    Ok(rows.iter().map(|row| row.get("statement")).collect())
}

/// Makes the indexes by time, without holding anybody up. One that cannot be made now is made the
/// next time; the doctor says so.
pub(super) async fn make_indexes(pool: &Pool) -> Result<()> {
    let context = "make indexes";
    let client = pool.get().await.map_err(failed(context))?;
    if missing_indexes(&client).await?.is_empty() {
        return Ok(());
    }
    // Whoever waited for the lock would hold up what the holder waits for.
    let row = client
        .query_one("select pg_try_advisory_lock($1)", &[&LOCK])
        .await;
    if !row.map_err(failed(context))?.get::<_, bool>(0) {
        return Ok(());
    }
    let made = make_each(&client).await;
    let after = format!(
        "select pg_advisory_unlock({LOCK}); \
         reset statement_timeout; reset lock_timeout"
    );
    client
        .batch_execute(&after)
        .await
        .map_err(failed(context))?;
    if let Err(error) = made {
        tracing::warn!(%error, "an index by time could not be made: run quire migrate again");
    }
    Ok(())
}

async fn make_each(client: &PoolClient) -> Result<()> {
    let context = "make indexes";
    // It waits for transactions that are open, and nobody waits for it.
    client
        .batch_execute("set statement_timeout = 0; set lock_timeout = '60s'")
        .await
        .map_err(failed(context))?;
    for statement in missing_indexes(client).await? {
        client
            .batch_execute(&statement)
            .await
            .map_err(failed(&statement))?;
    }
    Ok(())
}
