//! Migrations: the files of `migrations/`, compiled in, run once each and in order.

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};
use tokio_postgres::Transaction;

use super::{Pool, failed, reading};
use crate::error::{Error, Kind, Result};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/migrations");

/// "quire migr" as a number: two servers that migrate at once take turns on it.
const LOCK: i64 = 0x7175_6972_6520_6d69;

/// One step of the schema.
pub struct Migration {
    /// File name without `.sql`; the order of the names is the order of the steps.
    pub name: &'static str,
    /// Its statements.
    pub sql: &'static str,
    /// SHA-256 of the statements, hexadecimal.
    pub checksum: String,
}

/// What a database says of one migration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It ran, as it stands in this binary.
    Applied,
    /// It has not run.
    Missing,
    /// It ran with other statements than this binary has.
    Edited,
    /// It ran, and this binary does not know it: a newer Quire was here.
    Newer,
}

/// The steps that this binary knows, in order.
pub fn migrations() -> Vec<Migration> {
    let mut all: Vec<Migration> = FILES
        .files()
        .filter_map(|file| {
            let name = file.path().to_str()?.strip_suffix(".sql")?;
            let sql = file.contents_utf8()?;
            let checksum = Sha256::digest(sql)
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            Some(Migration {
                name,
                sql,
                checksum,
            })
        })
        .collect();
    all.sort_by_key(|migration| migration.name);
    all
}

/// Runs what has not run yet and says which that was. Each step is a transaction of its own.
/// Errors: [`Kind::Setting`] when a step was edited after it ran, else as the database fails.
pub async fn migrate(pool: &Pool) -> Result<Vec<String>> {
    let mut applied = Vec::new();
    for migration in migrations() {
        if apply(pool, &migration).await? {
            tracing::info!(migration = migration.name, "migration applied");
            applied.push(migration.name.to_owned());
        }
    }
    raise_wall(pool).await?;
    reading::open_to_readers(pool, LOCK).await?;
    reading::make_indexes(pool).await?;
    Ok(applied)
}

/// Brings the wall between organisations up to the tables that are there. Where our role may not
/// make the role behind it there is none; the doctor says so.
async fn raise_wall(pool: &Pool) -> Result<()> {
    let context = "raise the wall between organisations";
    let mut client = pool.get().await.map_err(failed(context))?;
    let transaction = client.transaction().await.map_err(failed(context))?;
    transaction
        .batch_execute(&format!("select pg_advisory_xact_lock({LOCK})"))
        .await
        .map_err(failed(context))?;
    transaction
        .execute(include_str!("../../sql/raise_wall.sql"), &[])
        .await
        .map_err(failed(context))?;
    transaction.commit().await.map_err(failed(context))
}

/// Runs one step unless it has run; says whether it did. The lock belongs to the transaction, so
/// nothing stays locked behind a server that dies here.
async fn apply(pool: &Pool, migration: &Migration) -> Result<bool> {
    let context = format!("run migration {}", migration.name);
    let mut client = pool.get().await.map_err(failed(&context))?;
    let transaction = client
        .build_transaction()
        .start()
        .await
        .map_err(failed(&context))?;
    transaction
        .batch_execute(&format!(
            "set local statement_timeout = 0; set local lock_timeout = '10min'; \
             select pg_advisory_xact_lock({LOCK}); \
             set local lock_timeout = '10s'"
        ))
        .await
        .map_err(failed(&context))?;
    prepare(&transaction).await?;
    let known = transaction
        .query_opt(
            "select checksum from quire.migration where name = $1",
            &[&migration.name],
        )
        .await
        .map_err(failed(&context))?;
    if let Some(row) = known {
        let checksum: String = row.get(0);
        if checksum != migration.checksum {
            return Err(edited(migration.name));
        }
        return Ok(false);
    }
    transaction
        .batch_execute(migration.sql)
        .await
        .map_err(failed(&context))?;
    transaction
        .execute(
            "insert into quire.migration (name, checksum) values ($1, $2)",
            &[&migration.name, &migration.checksum],
        )
        .await
        .map_err(failed(&context))?;
    transaction.commit().await.map_err(failed(&context))?;
    Ok(true)
}

/// Makes the table of migrations. It looks first, because `create schema if not exists` asks for
/// the right to create even where nothing is to be created.
async fn prepare(transaction: &deadpool_postgres::Transaction<'_>) -> Result<()> {
    let transaction: &Transaction<'_> = transaction;
    if !exists(transaction, "select to_regnamespace('quire') is not null").await? {
        transaction
            .batch_execute("create schema quire")
            .await
            .map_err(failed("create schema quire"))?;
    }
    if !exists(
        transaction,
        "select to_regclass('quire.migration') is not null",
    )
    .await?
    {
        transaction
            .batch_execute(include_str!("migration_table.sql"))
            .await
            .map_err(failed("create table quire.migration"))?;
    }
    Ok(())
}

async fn exists(transaction: &Transaction<'_>, question: &str) -> Result<bool> {
    let row = transaction
        .query_one(question, &[])
        .await
        .map_err(failed("look for the table of migrations"))?;
    Ok(row.get(0))
}

/// Every migration that this binary or the database knows, with its state, in order.
pub async fn states(pool: &Pool) -> Result<Vec<(String, State)>> {
    let context = "read the table of migrations";
    let client = pool.get().await.map_err(failed(context))?;
    let mut ran: Vec<(String, String)> = Vec::new();
    let there = client
        .query_one("select to_regclass('quire.migration') is not null", &[])
        .await
        .map_err(failed(context))?;
    if there.get(0) {
        let rows = client
            .query(
                "select name, checksum from quire.migration order by name",
                &[],
            )
            .await
            .map_err(failed(context))?;
        ran.extend(rows.iter().map(|row| (row.get(0), row.get(1))));
    }
    let known = migrations();
    let mut states: Vec<(String, State)> = known
        .iter()
        .map(|migration| {
            let state = match ran.iter().find(|(name, _)| name == migration.name) {
                None => State::Missing,
                Some((_, checksum)) if *checksum == migration.checksum => State::Applied,
                Some(_) => State::Edited,
            };
            (migration.name.to_owned(), state)
        })
        .collect();
    states.extend(
        ran.into_iter()
            .filter(|(name, _)| !known.iter().any(|migration| migration.name == name))
            .map(|(name, _)| (name, State::Newer)),
    );
    states.sort();
    Ok(states)
}

/// Refuses a database that this binary cannot work on. One that a newer Quire has migrated is
/// fine: steps only expand what older servers use.
/// Errors: [`Kind::Setting`], with the mend in the message.
pub async fn check_migrated(pool: &Pool) -> Result<()> {
    for (name, state) in states(pool).await? {
        match state {
            State::Applied | State::Newer => {}
            State::Edited => return Err(edited(&name)),
            State::Missing => {
                return Err(Error::new(
                    Kind::Setting,
                    format!("migration {name} has not run on this database: run `quire migrate`"),
                ));
            }
        }
    }
    Ok(())
}

fn edited(name: &str) -> Error {
    Error::new(
        Kind::Setting,
        format!(
            "migration {name} has run on this database with other statements than this binary has: \
             a migration that has run is never edited; use the Quire that ran it, or add a new file"
        ),
    )
}
