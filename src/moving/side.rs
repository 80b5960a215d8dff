//! One of the two databases: a connection that nobody else uses, and what it says of the organisation.

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::tables::{EDIT, TABLES, Table};
use crate::error::{Error, Kind, Result};
use crate::postgres::{Pool, PoolClient, check_migrated, check_safe, failed, pool};

const MOVE_STATE: &str = include_str!("../../sql/move_state.sql");
const MOVE_PLACE: &str = include_str!("../../sql/move_place.sql");
const MOVE_GO_ON: &str = include_str!("../../sql/move_go_on.sql");
const MOVE_COLUMNS: &str = include_str!("../../sql/move_columns.sql");

/// Long copies, and rows written alike by both.
const SESSION: &str = "set statement_timeout = 0; set idle_in_transaction_session_timeout = '10min'; \
    set timezone = 'UTC'; set datestyle = 'ISO'; set bytea_output = 'hex'; set extra_float_digits = 1";

/// From where, or to where.
pub(super) struct Side {
    /// For messages: `the source`.
    pub name: &'static str,
    pub pool: Pool,
    /// Columns of each table, in the order of [`TABLES`], then of the edits.
    columns: Vec<Vec<String>>,
}

/// What a database says of an organisation.
pub(super) struct Placed {
    pub state: Option<String>,
    pub move_id: Option<Uuid>,
    pub known_accounts: Option<Vec<Uuid>>,
    /// Whether there is such an organisation.
    pub is_there: bool,
    /// Which database this is.
    pub identity: (i64, String),
}

impl Placed {
    pub fn is(&self, state: &str) -> bool {
        self.state.as_deref() == Some(state)
    }
}

impl Side {
    /// Errors: `Setting` when Quire could not work on it, or its schema is of another version.
    pub async fn reach(name: &'static str, database_url: &str) -> Result<Self> {
        let of = |error: Error| Error::caused(error.kind(), name, error);
        // One that holds the lock on the move, two that work, one that looks.
        let pool = pool(database_url, 4).map_err(of)?;
        check_safe(&pool).await.map_err(of)?;
        check_migrated(&pool).await.map_err(of)?;
        let mut side = Self {
            name,
            pool,
            columns: Vec::new(),
        };
        let client = side.client().await?;
        for table in TABLES.iter().chain([&EDIT]) {
            let rows = client
                .query(MOVE_COLUMNS, &[&table.name])
                .await
                .map_err(side.failed("read columns"))?;
            side.columns
                .push(rows.iter().map(|row| row.get("name")).collect());
        }
        drop(client);
        Ok(side)
    }

    /// A connection for work that may be long.
    pub async fn client(&self) -> Result<PoolClient> {
        let client = self.pool.get().await.map_err(self.failed("connect"))?;
        client
            .batch_execute(SESSION)
            .await
            .map_err(self.failed("prepare the connection"))?;
        Ok(client)
    }

    /// For `map_err`: names the side.
    pub fn failed<E: Into<crate::postgres::Failure>>(
        &self,
        doing: &'static str,
    ) -> impl FnOnce(E) -> Error {
        let name = self.name;
        move |error| failed(&format!("{name}: {doing}"))(error)
    }

    /// The columns of a table that move.
    pub fn columns(&self, table: &Table) -> Vec<&str> {
        let all = TABLES.iter().chain([&EDIT]).zip(&self.columns);
        let columns = all.filter(|(one, _)| one.name == table.name);
        columns
            .flat_map(|(_, columns)| columns)
            .map(String::as_str)
            .filter(|column| !table.skips.contains(column))
            .collect()
    }

    /// Errors: as the database fails.
    pub async fn placed(&self, org_id: Uuid) -> Result<Placed> {
        let client = self.pool.get().await.map_err(self.failed("connect"))?;
        self.placed_on(&client, org_id).await
    }

    /// The same on this very connection.
    pub async fn placed_on(&self, client: &PoolClient, org_id: Uuid) -> Result<Placed> {
        let row = client
            .query_one(MOVE_STATE, &[&org_id])
            .await
            .map_err(self.failed("ask where the organisation is"))?;
        Ok(Placed {
            state: row.get("state"),
            move_id: row.get("move_id"),
            known_accounts: row.get("known_accounts"),
            is_there: row.get("is_there"),
            identity: (row.get("system_identifier"), row.get("database")),
        })
    }

    /// Notes where the organisation is, whatever was noted before.
    pub async fn place(
        &self,
        org_id: Uuid,
        state: &str,
        move_id: Uuid,
        known_accounts: &[Uuid],
    ) -> Result<()> {
        let client = self.pool.get().await.map_err(self.failed("connect"))?;
        let nowhere: &[String] = &[];
        let parameters: [&(dyn ToSql + Sync); 5] =
            [&org_id, &state, &move_id, &nowhere, &known_accounts];
        client
            .execute(MOVE_PLACE, &parameters)
            .await
            .map_err(self.failed("note where the organisation is"))?;
        Ok(())
    }

    /// From one state of this move to the next; false: it is not in that state, or another move.
    pub async fn go_on(&self, org_id: Uuid, move_id: Uuid, from: &str, to: &str) -> Result<bool> {
        let client = self.pool.get().await.map_err(self.failed("connect"))?;
        self.go_on_with(&client, org_id, move_id, from, to).await
    }

    /// The same on this very connection.
    pub async fn go_on_with(
        &self,
        client: &PoolClient,
        org_id: Uuid,
        move_id: Uuid,
        from: &str,
        to: &str,
    ) -> Result<bool> {
        let nowhere: &[String] = &[];
        let parameters: [&(dyn ToSql + Sync); 5] = [&org_id, &move_id, &to, &nowhere, &from];
        let changed = client
            .execute(MOVE_GO_ON, &parameters)
            .await
            .map_err(self.failed("note where the organisation is"))?;
        Ok(changed == 1)
    }
}

/// Both schemas must be the same, or rows would lose what only one of them has.
pub(super) async fn check_alike(from: &Side, to: &Side) -> Result<()> {
    let (one, other) = (
        crate::postgres::states(&from.pool).await?,
        crate::postgres::states(&to.pool).await?,
    );
    if let Some((name, _)) = one.iter().find(|state| !other.contains(state)) {
        return Err(different(to, name));
    }
    match other.iter().find(|state| !one.contains(state)) {
        Some((name, _)) => Err(different(from, name)),
        None => Ok(()),
    }
}

fn different(side: &Side, migration: &str) -> Error {
    Error::new(
        Kind::Setting,
        format!(
            "{} lacks the migration {migration}, or has another one of that name: run `quire migrate` of the same version on both databases",
            side.name
        ),
    )
}
