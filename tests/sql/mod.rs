//! What people read with SQL: roles, views, the text of documents, the questions of sql/README.md.

mod questions;
mod reading;
mod rights;
mod texts;

use std::sync::atomic::{AtomicU32, Ordering};

use crate::kit::postgres::Database;
use tokio_postgres::Client;

/// The installation that the questions are asked of.
pub const KNOWN: &str = include_str!("../../scripts/known.sql");
pub const PRESS: &str = "a0000000-0000-0000-0000-000000000001";
pub const ELSEWHERE: &str = "a0000000-0000-0000-0000-000000000002";

/// A superuser's connection to a database with the known installation in it.
pub async fn known(database: &Database) -> Client {
    let client = database.connect().await;
    client.batch_execute(KNOWN).await.expect("it is made");
    client
}

/// A role that was granted `roles`, under a name that no other test has: roles belong to the cluster.
pub async fn role(client: &Client, roles: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("somebody_{}_{number}", std::process::id());
    let make = format!("create role {name}; grant {roles} to {name}");
    client.batch_execute(&make).await.expect("a role");
    name
}

/// The connection goes on as that role.
pub async fn become_role(client: &Client, role: &str) {
    let set = format!("set role {role}");
    client.batch_execute(&set).await.expect("it may");
}

/// The one number that a query answers.
pub async fn number(client: &Client, query: &str) -> i64 {
    let row = client.query_one(query, &[]).await;
    row.unwrap_or_else(|e| panic!("{query}: {e:?}")).get(0)
}
