//! The people of an organisation: their accounts, how they sign in, and where they are signed in. An account
//! that the other database has already stays as it is there.

use uuid::Uuid;

use deadpool_postgres::Transaction;

use super::copy::{Copied, as_they_are, stream};
use super::side::Side;
use crate::error::{Error, Kind, Result};
use crate::postgres::PoolClient;

const MOVE_ACCOUNTS: &str = include_str!("../../sql/move_accounts.sql");
const MOVE_KNOWN_ACCOUNTS: &str = include_str!("../../sql/move_known_accounts.sql");

/// What belongs to accounts, by the column that tells rows apart.
const TABLES: [(&str, &str); 4] = [
    ("account", "account_id"),
    ("login", "account_id"),
    ("identity", "identity_id"),
    ("session", "session_id"),
];

/// Every account that the organisation's rows name.
pub(super) async fn named(side: &Side, org_id: Uuid) -> Result<Vec<Uuid>> {
    let client = side.client().await?;
    let rows = client
        .query(MOVE_ACCOUNTS, &[&org_id])
        .await
        .map_err(side.failed("list accounts"))?;
    Ok(rows.iter().filter_map(|row| row.get(0)).collect())
}

/// Which of them the database has.
pub(super) async fn known(side: &Side, accounts: &[Uuid]) -> Result<Vec<Uuid>> {
    let client = side.client().await?;
    let row = client
        .query_one(MOVE_KNOWN_ACCOUNTS, &[&accounts])
        .await
        .map_err(side.failed("look for accounts"))?;
    Ok(row.get("known"))
}

/// Copies them. Of `known` ones nothing is changed but that sessions are added, so that tokens and
/// cookies that were good are good there.
///
/// # Errors
/// `Conflict` when somebody else has the mail address or the identity there.
pub(super) async fn copy(
    from: &Side,
    reading: &Transaction<'_>,
    to: &Side,
    writer: &mut PoolClient,
    org_id: Uuid,
    known: &[Uuid],
) -> Result<Copied> {
    let writing = as_they_are(to, writer).await?;
    let copied = stage(from, reading, to, &writing, org_id).await?;
    refuse_conflicts(to, &writing).await?;
    for (table, key) in TABLES {
        let columns = columns(to, &writing, table).await?;
        let set: Vec<String> = columns
            .iter()
            .filter(|column| *column != key)
            .map(|column| format!("{column} = excluded.{column}"))
            .collect();
        let columns = columns.join(", ");
        // Whoever was here before keeps what is here; and what has ended in one place has ended in both.
        let (added, unless) = match table {
            "session" => (
                "$1::uuid[] is not null",
                "quire.session.ended_at is null".to_owned(),
            ),
            "account" => (
                "$1::uuid[] is not null",
                "not (quire.account.account_id = any ($1::uuid[]))".to_owned(),
            ),
            _ => (
                "not (s.account_id = any ($1::uuid[]))",
                format!("not (quire.{table}.account_id = any ($1::uuid[]))"),
            ),
        };
        let sql = format!(
            "insert into quire.{table} ({columns}) select {columns} from arriving_{table} s where {added}
             on conflict ({key}) do update set {set} where {unless}",
            set = set.join(", ")
        );
        writing
            .execute(&sql, &[&known])
            .await
            .map_err(to.failed("write accounts"))?;
    }
    writing
        .commit()
        .await
        .map_err(to.failed("commit accounts"))?;
    Ok(copied)
}

/// Looks, and copies nothing.
///
/// # Errors
/// As [`copy`].
pub(super) async fn check(
    from: &Side,
    reading: &Transaction<'_>,
    to: &Side,
    writer: &mut PoolClient,
    org_id: Uuid,
) -> Result<()> {
    let writing = as_they_are(to, writer).await?;
    stage(from, reading, to, &writing, org_id).await?;
    refuse_conflicts(to, &writing).await?;
    writing.rollback().await.map_err(to.failed("end"))
}

/// Brings the rows into temporary tables of the other side.
async fn stage(
    from: &Side,
    reading: &Transaction<'_>,
    to: &Side,
    writing: &Transaction<'_>,
    org_id: Uuid,
) -> Result<Copied> {
    let mut copied = Copied::default();
    let named = MOVE_ACCOUNTS.replace("$1::uuid", &format!("'{org_id}'::uuid"));
    for (table, _) in TABLES {
        let make =
            format!("create temporary table arriving_{table} (like quire.{table}) on commit drop");
        writing
            .batch_execute(&make)
            .await
            .map_err(to.failed("make a temporary table"))?;
        let columns = columns(to, writing, table).await?.join(", ");
        let reads = format!(
            "copy (select {columns} from quire.{table} where account_id in ({named})) to stdout (format binary)"
        );
        let writes = format!("copy arriving_{table} ({columns}) from stdin (format binary)");
        copied += stream((from, reading), &reads, (to, writing), &writes).await?;
    }
    Ok(copied)
}

async fn refuse_conflicts(to: &Side, writing: &Transaction<'_>) -> Result<()> {
    let sql = "
        select 'the mail address ' || s.email as what
        from arriving_login s
        join quire.login t on t.email = s.email and t.account_id <> s.account_id
        union all
        select 'the identity ' || s.subject || ' of ' || s.issuer
        from arriving_identity s
        join quire.identity t on t.issuer = s.issuer and t.subject = s.subject and t.account_id <> s.account_id
        union all
        select 'the name of session ' || s.session_id
        from arriving_session s
        join quire.session t on t.token_hash = s.token_hash and t.session_id <> s.session_id
        order by what";
    let rows = writing
        .query(sql, &[])
        .await
        .map_err(to.failed("look for conflicts"))?;
    if rows.is_empty() {
        return Ok(());
    }
    let all: Vec<String> = rows.iter().map(|row| row.get("what")).collect();
    Err(Error::new(
        Kind::Conflict,
        format!(
            "{} has other accounts with {}: change or remove them in one of the databases; nothing was moved",
            to.name,
            all.join(", ")
        ),
    ))
}

async fn columns(side: &Side, transaction: &Transaction<'_>, table: &str) -> Result<Vec<String>> {
    let rows = transaction
        .query(include_str!("../../sql/move_columns.sql"), &[&table])
        .await
        .map_err(side.failed("read columns"))?;
    Ok(rows.iter().map(|row| row.get("name")).collect())
}
