//! Whether what is stored fits together: every document is rebuilt from its rows, and what is derived
//! of them is compared with that. It only reads; people may write meanwhile, and a standby will do.

mod document;
mod finding;
mod peers;

use serde::Serialize;
use tokio_postgres::IsolationLevel;
use uuid::Uuid;

use crate::document::trial::DocKey;
use crate::error::Result;
use crate::postgres::{PoolClient, failed, pool};

pub use self::finding::Finding;

const NEXT_DOCUMENT: &str = include_str!("../../sql/next_document.sql");

/// A document may be read for longer than a request: its rows are not bounded.
const UNBOUNDED: &str =
    "set statement_timeout = 0; set idle_in_transaction_session_timeout = '10min'";

/// What was looked at, and what was found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Documents that were rebuilt, those in the bin too.
    pub documents: u64,
    /// Edits that were read.
    pub edits: u64,
    /// What is not as it should be; empty: all is well.
    pub findings: Vec<Finding>,
}

/// Looks at every document of a database, or of one organisation; a document at a time, each in a
/// REPEATABLE READ transaction of its own. Takes the memory of the largest document, some three times.
///
/// # Errors
/// `Setting` when the address cannot be read; as the database fails.
pub async fn verify(database_url: &str, org_id: Option<Uuid>) -> Result<Report> {
    let pool = pool(database_url, 1)?;
    let mut client = pool
        .get()
        .await
        .map_err(failed("connect to the database"))?;
    client
        .batch_execute(UNBOUNDED)
        .await
        .map_err(failed("lift the bound on statements"))?;
    let mut report = Report::default();
    let mut key = DocKey {
        org_id: org_id.unwrap_or_default(),
        document_id: Uuid::nil(),
    };
    while let Some(next) = next_document(&client, key).await? {
        if org_id.is_some_and(|org_id| org_id != next.org_id) {
            break;
        }
        verify_document(&mut client, next, &mut report).await?;
        key = next;
    }
    Ok(report)
}

async fn next_document(client: &PoolClient, after: DocKey) -> Result<Option<DocKey>> {
    let doing = "look for the next document";
    let statement = client.prepare_cached(NEXT_DOCUMENT).await;
    let row = client
        .query_opt(
            &statement.map_err(failed(doing))?,
            &[&after.org_id, &after.document_id],
        )
        .await
        .map_err(failed(doing))?;
    Ok(row.as_ref().map(DocKey::of))
}

async fn verify_document(client: &mut PoolClient, key: DocKey, report: &mut Report) -> Result<()> {
    let doing = "begin reading a document";
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(failed(doing))?;
    document::verify(&transaction, key, report).await
}
