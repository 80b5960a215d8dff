//! Documents whose old edits could not be folded, as the servers noted it.

use tokio_postgres::Client;

use super::Finding;
use crate::error::Result;
use crate::postgres::failed;

pub async fn findings(client: &Client) -> Result<Vec<Finding>> {
    let context = "read folds that were refused";
    let there = client
        .query_one("select to_regclass('quire.fold_refusal') is not null", &[])
        .await
        .map_err(failed(context))?;
    // Before its migration nothing can have been noted.
    if !there.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    let rows = client
        .query(include_str!("../../../sql/doctor_folds.sql"), &[])
        .await
        .map_err(failed(context))?;
    let findings = rows.iter().map(|row| {
        let text = |column: &str| row.get::<_, String>(column);
        let says = format!(
            "Old edits of document {}/{} are kept, against its organisation's retention: {} (tried last at {} UTC).",
            text("org_id"),
            text("document_id"),
            text("reason"),
            text("found_at"),
        );
        let mend = "Nothing is lost, and it is tried again once a day. Look in the servers' logs for rows of this document \
                    that are set aside, and report it: it is a fault of Quire, or somebody writes to quire.edit by hand.";
        Finding::warning("fold", says, mend)
    });
    Ok(findings.collect())
}
