//! Moves of organisations that were left in the middle: no command is at them any more.

use tokio_postgres::Client;

use super::Finding;
use crate::error::Result;
use crate::postgres::failed;

/// A command that was cut off may be run again at once; after so long, in seconds, somebody should know.
const LEFT_S: f64 = 600.0;

pub async fn findings(client: &Client) -> Result<Vec<Finding>> {
    let context = "read placements";
    let there = client
        .query_one("select to_regclass('quire.placement') is not null", &[])
        .await
        .map_err(failed(context))?;
    // Before its migration nothing can move.
    if !there.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    let rows = client
        .query(include_str!("../../../sql/doctor_moves.sql"), &[&LEFT_S])
        .await
        .map_err(failed(context))?;
    let findings = rows.iter().map(|row| {
        let (org_id, state): (String, String) = (row.get("org_id"), row.get("state"));
        let age = age(row.get("age_s"));
        let follows = match state.as_str() {
            "arriving" => "nothing of it is served from this database, and what was copied takes room",
            _ => "it is served from this database as ever, but its old edits are not folded",
        };
        let says = format!(
            "The move of organisation {org_id} was left in the middle {age} ago ({state}), and no command is at it: {follows}."
        );
        let mend = "Run quire org move again with the settings of then, to end it, or quire org undo, to give it up (docs/moving.md).";
        Finding::warning("move", says, mend)
    });
    Ok(findings.collect())
}

fn age(seconds: f64) -> String {
    let minutes = seconds as u64 / 60;
    match minutes {
        0..=119 => format!("{minutes} minutes"),
        120..=2_879 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / 1_440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_in_units_that_one_can_read() {
        let ages = [600.0, 7_199.0, 7_200.0, 172_799.0, 172_800.0].map(age);
        let expected = ["10 minutes", "119 minutes", "2 hours", "47 hours", "2 days"];
        assert_eq!(ages, expected);
    }
}
