//! Whether people who read with SQL find what they need: their roles, their rights, the index by time.

use super::Finding;
use crate::error::Result;
use crate::postgres::reading::{closed_relations, missing_indexes};
use crate::postgres::{Pool, PoolClient, State, failed, states};

pub async fn findings(pool: &Pool, client: &PoolClient) -> Result<Vec<Finding>> {
    let states = states(pool).await?;
    if states.iter().any(|(_, state)| *state == State::Missing) {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    findings.extend(roles(client).await?);
    let indexes = missing_indexes(client).await?;
    if !indexes.is_empty() {
        findings.push(Finding::warning(
            "indexes",
            "Parts of quire.edit have no index by time, so asking what was written when reads all of it.",
            "As the owner of the tables: run quire migrate while no transaction is open for long.",
        ));
    }
    Ok(findings)
}

async fn roles(client: &PoolClient) -> Result<Option<Finding>> {
    let row = client
        .query_one(include_str!("../../../sql/reader_roles.sql"), &[])
        .await
        .map_err(failed("read the roles of readers"))?;
    if !row.get::<_, bool>("are_there") || !row.get::<_, bool>("stands_wall") {
        return Ok(Some(Finding::warning(
            "readers",
            "The roles quire_reader and quire_operator are not there, or not quire_member, so nobody can be let at the tables to read them with SQL.",
            "As a role that may: create role quire_member; create role quire_reader; create role quire_operator; \
             grant quire_reader to quire_operator; then run quire migrate as the owner of the tables.",
        )));
    }
    let closed = closed_relations(client).await?;
    if closed.is_empty() {
        return Ok(None);
    }
    Ok(Some(Finding::warning(
        "readers",
        format!(
            "What quire_reader and quire_operator may read is not what it should be: quire.{}.",
            closed.join(", quire.")
        ),
        "As the owner of the tables: run quire migrate.",
    )))
}
