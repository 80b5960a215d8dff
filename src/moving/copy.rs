//! Rows from one database into the other, as a stream: nothing is held but what is on its way.

use deadpool_postgres::Transaction;
use futures_util::{SinkExt, StreamExt, pin_mut};
use tokio_postgres::IsolationLevel;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::side::Side;
use super::tables::{DERIVED, EDIT, TABLES, Table};
use crate::error::{Error, Kind, Result};
use crate::postgres::PoolClient;

/// Rows as they come, without triggers, which would write events, defaults and audit of their own.
const AS_THEY_ARE: &str =
    "set local session_replication_role = replica; set local synchronous_commit = on";

/// A moment of a database from which on it is read: everything, at first.
pub(super) const NOTHING_SEEN: &str = "3:3:";

/// Refuses a role that may not copy rows as they are.
///
/// # Errors
/// `Setting`, with the mend.
pub(super) async fn check_may_copy(side: &Side) -> Result<()> {
    let mut client = side.client().await?;
    let transaction = client.transaction().await.map_err(side.failed("begin"))?;
    transaction.batch_execute(AS_THEY_ARE).await.map_err(|error| {
        let error: Error = side.failed("set session_replication_role")(error);
        let says = format!(
            "{}: the role may not write rows as they are: grant set on parameter session_replication_role to it",
            side.name
        );
        Error::caused(Kind::Setting, says, error)
    })?;
    transaction.rollback().await.map_err(side.failed("end"))
}

/// A transaction that reads one moment of a database.
pub(super) async fn moment<'a>(side: &Side, client: &'a mut PoolClient) -> Result<Transaction<'a>> {
    client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(side.failed("begin reading"))
}

/// A transaction that writes rows as they are.
pub(super) async fn as_they_are<'a>(
    side: &Side,
    client: &'a mut PoolClient,
) -> Result<Transaction<'a>> {
    let transaction = client.transaction().await.map_err(side.failed("begin"))?;
    transaction
        .batch_execute(AS_THEY_ARE)
        .await
        .map_err(side.failed("prepare writing"))?;
    Ok(transaction)
}

/// What was copied.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Copied {
    pub rows: u64,
    pub bytes: u64,
}

impl std::ops::AddAssign for Copied {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.bytes += other.bytes;
    }
}

/// Streams what `reads` gives into `writes`; answers what that was.
pub(super) async fn stream(
    from: (&Side, &Transaction<'_>),
    reads: &str,
    to: (&Side, &Transaction<'_>),
    writes: &str,
) -> Result<Copied> {
    let rows = from
        .1
        .copy_out(reads)
        .await
        .map_err(from.0.failed("read rows"))?;
    let sink =
        to.1.copy_in::<_, bytes::Bytes>(writes)
            .await
            .map_err(to.0.failed("write rows"))?;
    pin_mut!(rows, sink);
    let mut bytes = 0;
    while let Some(chunk) = rows.next().await {
        let chunk = chunk.map_err(from.0.failed("read rows"))?;
        bytes += chunk.len() as u64;
        sink.send(chunk).await.map_err(to.0.failed("write rows"))?;
    }
    let rows = sink.finish().await.map_err(to.0.failed("write rows"))?;
    Ok(Copied { rows, bytes })
}

/// The organisation's rows of one table, replaced by those of the source unless they are the same. When
/// `is_last`, what is large is not looked at: it was the same before.
pub(super) async fn table(
    (from, reading): (&Side, &Transaction<'_>),
    (to, writer): (&Side, &mut PoolClient),
    table: &Table,
    org_id: Uuid,
    is_last: bool,
) -> Result<Copied> {
    let columns = from.columns(table);
    let is_compared = |c: &&str| table.keeps(c) && !(is_last && table.large.contains(c));
    let compared: Vec<&str> = columns.iter().copied().filter(is_compared).collect();
    let digest = digest(table, &compared);
    let doing = "compare rows";
    let of: [&(dyn ToSql + Sync); 1] = [&org_id];
    let (theirs, ours) = tokio::join!(
        reading.query_one(&digest, &of),
        writer.query_one(&digest, &of)
    );
    let theirs: String = theirs.map_err(from.failed(doing))?.get(0);
    let ours: String = ours.map_err(to.failed(doing))?.get(0);
    if theirs == ours {
        return Ok(Copied::default());
    }
    let writing = as_they_are(to, writer).await?;
    delete(to, &writing, table.name, org_id).await?;
    let read: Vec<String> = columns.iter().map(|c| read_as(table, c)).collect();
    let order = match table.order {
        "" => String::new(),
        order => format!(" order by {order}"),
    };
    let reads = format!(
        "copy (select {} from quire.{} where org_id = '{org_id}'{order}) to stdout (format binary)",
        read.join(", "),
        table.name
    );
    let writes = into(table, &columns);
    let copied = stream((from, reading), &reads, (to, &writing), &writes).await?;
    let ours = writing.query_one(&digest, &[&org_id]).await;
    if theirs != ours.map_err(to.failed(doing))?.get::<_, String>(0) {
        let says = format!(
            "the rows of quire.{} are not the same after they were copied",
            table.name
        );
        return Err(Error::new(Kind::Internal, says));
    }
    writing.commit().await.map_err(to.failed("commit rows"))?;
    Ok(copied)
}

/// The edits of a range of documents that a reader at `seen` could not see.
pub(super) async fn edits(
    from: (&Side, &Transaction<'_>),
    to: (&Side, &Transaction<'_>),
    org_id: Uuid,
    (after, up_to): (Uuid, Uuid),
    seen: &str,
) -> Result<Copied> {
    let columns = from.0.columns(&EDIT);
    let read: Vec<String> = columns.iter().map(|column| format!("e.{column}")).collect();
    // A range of the index for each document, however long its history: xid stands right after it there.
    let reads = format!(
        "copy (
            select {read}
            from quire.document d
            cross join lateral (
                select *
                from quire.edit e
                where e.org_id = d.org_id
                and e.document_id = d.document_id
                and e.xid >= pg_snapshot_xmin('{seen}'::pg_snapshot)
                and not pg_visible_in_snapshot(e.xid, '{seen}'::pg_snapshot)
            ) e
            where d.org_id = '{org_id}'
            and d.document_id > '{after}'
            and d.document_id <= '{up_to}'
            order by e.xid, e.edit_id
        ) to stdout (format binary)",
        read = read.join(", ")
    );
    stream(from, &reads, to, &into(&EDIT, &columns)).await
}

/// Takes away all that an earlier attempt has left, or that is to be forgotten.
pub(super) async fn clear(side: &Side, client: &mut PoolClient, org_id: Uuid) -> Result<()> {
    let writing = as_they_are(side, client).await?;
    let names = TABLES.iter().chain([&EDIT]).map(|table| table.name);
    for name in names.chain(DERIVED.iter().copied()) {
        delete(side, &writing, name, org_id).await?;
    }
    writing.commit().await.map_err(side.failed("commit"))
}

async fn delete(side: &Side, writing: &Transaction<'_>, name: &str, org_id: Uuid) -> Result<()> {
    let sql = format!("delete from quire.{name} where org_id = $1");
    writing
        .execute(&sql, &[&org_id])
        .await
        .map_err(side.failed("delete rows"))?;
    Ok(())
}

fn into(table: &Table, columns: &[&str]) -> String {
    let columns = columns.join(", ");
    format!(
        "copy quire.{} ({columns}) from stdin (format binary)",
        table.name
    )
}

fn read_as(table: &Table, column: &str) -> String {
    let read = table.reads.iter().find(|(read, _)| *read == column);
    match read {
        Some((_, expression)) => format!("{expression} as {column}"),
        None => column.to_owned(),
    }
}

/// How many rows there are, and what they hold, in any order.
fn digest(table: &Table, columns: &[&str]) -> String {
    format!(
        "select count(*) || ' ' || coalesce(sum(('x' || substr(md5(r::text), 1, 16))::bit(64)::bigint), 0)
         from (select {} from quire.{} where org_id = $1) r",
        columns.join(", "),
        table.name
    )
}
