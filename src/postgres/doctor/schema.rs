//! Quire's own tables: whether they are there, as this binary knows them, and open to our role.

use tokio_postgres::Client;

use super::{Finding, divergence, folds, moves, reading};
use crate::error::Result;
use crate::postgres::{Pool, PoolClient, State, failed, states};

pub async fn findings(pool: &Pool, client: &PoolClient) -> Result<Vec<Finding>> {
    let row = client
        .query_one(include_str!("../../../sql/doctor_schema.sql"), &[])
        .await
        .map_err(failed("read privileges"))?;
    if !row.get::<_, bool>("schema_exists") {
        return Ok(no_schema(row.get("may_create_schema")));
    }
    if !row.get::<_, bool>("may_use_schema") {
        return Ok(vec![Finding::error(
            "privileges",
            "The role may not use the schema quire.",
            "As its owner: grant usage on schema quire to the role, and select, insert, update, delete on all tables in schema quire.",
        )]);
    }
    let mut findings = Vec::new();
    let closed: Vec<String> = row.get("closed_tables");
    if !closed.is_empty() {
        findings.push(Finding::error(
            "privileges",
            format!("The role may not read or write these tables of the schema quire: {}.", closed.join(", ")),
            "As their owner: grant select, insert, update, delete on all tables in schema quire to the role.",
        ));
    }
    // Whoever may not read that table has been told so just now.
    if !closed.iter().any(|table| table == "migration") {
        findings.extend(migrations(pool).await?);
        findings.extend(publication(client).await?);
        findings.extend(wall(pool, client).await?);
        findings.extend(reading::findings(pool, client).await?);
        findings.extend(divergence::findings(client).await?);
        findings.extend(folds::findings(client).await?);
        findings.extend(moves::findings(client).await?);
    }
    Ok(findings)
}

fn no_schema(may_create: bool) -> Vec<Finding> {
    let mut findings = vec![Finding::error(
        "migrations",
        "The database has none of Quire's tables.",
        "Run quire migrate.",
    )];
    if !may_create {
        findings.push(Finding::error(
            "privileges",
            "The role may not create a schema in this database, so quire migrate would fail.",
            "grant create on database … to the role, or run quire migrate as the database's owner.",
        ));
    }
    findings
}

async fn migrations(pool: &Pool) -> Result<Vec<Finding>> {
    let findings = states(pool).await?.into_iter().filter_map(|(name, state)| match state {
        State::Applied => None,
        State::Missing => Some(Finding::error(
            "migrations",
            format!("Migration {name} has not run."),
            "Run quire migrate.",
        )),
        State::Edited => Some(Finding::error(
            "migrations",
            format!("Migration {name} ran with other statements than this Quire has."),
            "Use the Quire that ran it. A migration that has run is never edited: add a new one.",
        )),
        State::Newer => Some(Finding::warning(
            "migrations",
            format!("Migration {name} comes from a newer Quire than this one. This one can run beside it."),
            "Upgrade this server.",
        )),
    });
    Ok(findings.collect())
}

/// What keeps the rows of one organisation from requests in another.
async fn wall(pool: &Pool, client: &Client) -> Result<Option<Finding>> {
    let states = states(pool).await?;
    if states.iter().any(|(_, state)| *state == State::Missing) {
        return Ok(None);
    }
    let row = client
        .query_one(include_str!("../../../sql/doctor_wall.sql"), &[])
        .await
        .map_err(failed("read the wall"))?;
    if !row.get::<_, bool>("stands") {
        return Ok(Some(Finding::warning(
            "wall",
            "The role may not act as quire_member, so row-level security does not stand behind the checks of the server.",
            "As a role that may: create role quire_member unless it is there, grant quire_member to the role, and run \
             quire migrate as the owner of the tables.",
        )));
    }
    let open: Vec<String> = row.get("open_tables");
    if open.is_empty() {
        return Ok(None);
    }
    Ok(Some(Finding::warning(
        "wall",
        format!(
            "Row-level security does not cover quire.{}.",
            open.join(", quire.")
        ),
        "As the owner of the tables: run quire migrate.",
    )))
}

async fn publication(client: &Client) -> Result<Option<Finding>> {
    const MEND: &str = "As the owner of the tables: drop publication if exists quire_feed; \
        create publication quire_feed for table quire.edit, quire.event \
        with (publish = 'insert', publish_via_partition_root = true).";
    let row = client
        .query_opt(
            include_str!("../../../sql/published_tables.sql"),
            &[&"quire_feed"],
        )
        .await
        .map_err(failed("read publications"))?;
    let Some(row) = row else {
        let says = "The publication quire_feed is missing, so no server would hear of any edit.";
        return Ok(Some(Finding::error("publication", says, MEND)));
    };
    let tables: Vec<String> = row.get("tables");
    let is_missing = |name: &&str| !tables.iter().any(|table| table == name);
    let missing: Vec<&str> = ["edit", "event"].into_iter().filter(is_missing).collect();
    if !missing.is_empty() {
        let says = format!(
            "The publication quire_feed lacks quire.{}, or rows or columns of it, or a partition is not logged: \
             no server would hear of what is written there.",
            missing.join(" and quire.")
        );
        return Ok(Some(Finding::error("publication", says, MEND)));
    }
    if !(row.get::<_, bool>("has_inserts") && row.get::<_, bool>("is_by_root")) {
        let says = "The publication quire_feed does not publish inserts, or not under the name of the partitioned table.";
        return Ok(Some(Finding::error("publication", says, MEND)));
    }
    Ok(None)
}
