//! The role with which `quire dev` lets its user in at the SQL port: it reads everything and has a
//! password, which is new with each start. The port lets nobody in whom Postgres trusts.

use std::fs;

use super::EmbeddedPostgres;
use super::process::io;
use crate::error::{Error, Kind, Result};
use crate::postgres::{Pool, failed};

/// The name of the role.
pub(super) const DBA: &str = "dba";
/// Before the rule that trusts whoever reaches the private socket.
const RULE: &str = "local all dba scram-sha-256\n";

/// Makes the role and gives it a password, which is returned.
/// Errors: [`Kind::Setting`] when the rules for signing in cannot be written.
pub(super) async fn make_dba(database: &Pool, postgres: &EmbeddedPostgres) -> Result<String> {
    let rules = postgres.data().join("pg_hba.conf");
    let former = fs::read_to_string(&rules).map_err(|e| io("read", &rules, e))?;
    if !former.starts_with(RULE) {
        fs::write(&rules, format!("{RULE}{former}")).map_err(|e| io("write", &rules, e))?;
        postgres.reload();
    }
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|e| Error::caused(Kind::Internal, "make a password", e))?;
    let password: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let client = database.get().await.map_err(failed("make the role dba"))?;
    client
        .batch_execute(&format!(
            "do $$
             begin
                 if to_regrole('{DBA}') is null then
                     create role {DBA} login;
                     grant pg_read_all_data to {DBA};
                 end if;
             end
             $$;
             alter role {DBA} password '{password}'"
        ))
        .await
        .map_err(failed("make the role dba"))?;
    Ok(password)
}
