//! Documents of which two servers held different versions, as the servers noted it.

use tokio_postgres::Client;

use super::Finding;
use crate::error::Result;
use crate::postgres::failed;

pub async fn findings(client: &Client) -> Result<Vec<Finding>> {
    let context = "read differences between servers";
    let there = client
        .query_one("select to_regclass('quire.divergence') is not null", &[])
        .await
        .map_err(failed(context))?;
    // Before its migration nothing can have been noted.
    if !there.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    let rows = client
        .query(include_str!("../../../sql/doctor_divergences.sql"), &[])
        .await
        .map_err(failed(context))?;
    let findings = rows.iter().map(|row| {
        let text = |column: &str| row.get::<_, String>(column);
        let times: i64 = row.get("times");
        let says = format!(
            "Two servers held different versions of document {}/{} at one position of the log: {} at {}, \
             {times} times within 24 hours, the last time at {} UTC.",
            text("org_id"),
            text("document_id"),
            text("servers"),
            text("position"),
            text("last_at"),
        );
        let mend = if row.get("is_rebuilt") {
            "Nothing for the document: both copies were built anew from its edits. Find out who writes to quire.edit or \
             quire.snapshot by hand or changes the publication quire_feed; if nobody does, it is a fault of Quire: report it."
        } else {
            "It came back right after both copies were built anew from the document's edits. Stop all servers but one, see \
             what people have there, and report it: it is a fault of Quire."
        };
        Finding::warning("divergence", says, mend)
    });
    Ok(findings.collect())
}
